//! What somebody wants to serve: `connections=5000,active=1%,message=200B,compute=1ms`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use switchboard::command::duration;
use switchboard_load::units;

/// What peers send if nothing is said of it: what is measured with.
const MESSAGE: u64 = 64;
/// The keys, in the order in which they are written.
const KEYS: [&str; 6] = ["connections", "active", "message", "compute", "short", "isolate"];

/// A workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    /// Peers that are connected at a time, at least 1.
    pub connections: u64,
    /// Those of them that have something under way at the same time: a share, above 0.
    pub active: f64,
    /// Bytes of a message, and of its reply.
    pub message_bytes: u64,
    /// What the service computes for each message.
    pub compute: Duration,
    /// Whether each peer comes for one message only.
    pub short: bool,
    /// Whether a peer that crashes the service must not take others along.
    pub isolate: bool,
}

impl Workload {
    /// Peers that have something under way at the same time, at least 1.
    pub fn active_peers(&self) -> f64 {
        (self.connections as f64 * self.active).max(1.0)
    }

    /// Peers that have not.
    pub fn silent_peers(&self) -> f64 {
        self.connections as f64 - self.active_peers()
    }
}

impl FromStr for Workload {
    type Err = String;

    fn from_str(text: &str) -> Result<Workload, String> {
        let mut workload = Workload {
            connections: 0,
            active: 1.0,
            message_bytes: MESSAGE,
            compute: Duration::ZERO,
            short: false,
            isolate: false,
        };
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (key, value) = part.split_once('=').ok_or_else(|| {
                format!("`{part}` is no part of a workload: write key=value, with {}", keys())
            })?;
            if seen.contains(&key) {
                return Err(format!("`{key}` is given twice: drop one"));
            }
            seen.push(key);
            workload.set(key, value)?;
        }
        match seen.contains(&"connections") {
            true => Ok(workload),
            false => Err("a workload says how many peers there are: connections=5000".to_owned()),
        }
    }
}

impl Workload {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "connections" => self.connections = whole(key, value)?,
            "active" => self.active = share(value)?,
            "message" => self.message_bytes = bytes(value)?,
            "compute" if value == "0" => self.compute = Duration::ZERO,
            "compute" => self.compute = duration(value)?,
            "short" => self.short = yes(key, value)?,
            "isolate" => self.isolate = yes(key, value)?,
            _ => {
                let near = switchboard::model::closest(key, KEYS.iter().copied());
                let meant = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                return Err(format!("a workload has no `{key}`{meant} (it has {})", keys()));
            }
        }
        Ok(())
    }
}

fn keys() -> String {
    KEYS.join(", ")
}

fn whole(key: &str, value: &str) -> Result<u64, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{key} is a whole number above 0: {key}=5000"))
}

/// A percentage, or a share of one.
fn share(value: &str) -> Result<f64, String> {
    let number = |digits: &str| digits.parse::<f64>().ok();
    let share = match value.strip_suffix('%') {
        Some(digits) => number(digits).map(|percent| percent / 100.0),
        None => number(value),
    };
    share.filter(|share| *share > 0.0 && *share <= 1.0).ok_or_else(|| {
        "active is the share of peers that have something under way: active=1% or active=0.01"
            .into()
    })
}

/// A share as a percentage that is read back, without the dust of its binary form.
pub(super) fn percent(share: f64) -> String {
    let digits = format!("{:.9}", share * 100.0);
    format!("{}%", digits.trim_end_matches('0').trim_end_matches('.'))
}

fn bytes(value: &str) -> Result<u64, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &value[digits.len()..] {
        "" | "B" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        _ => None,
    };
    let size = digits.parse::<u64>().ok().zip(unit).and_then(|(n, unit)| n.checked_mul(unit));
    size.filter(|size| *size > 0)
        .ok_or_else(|| "message is a size above 0: message=200B, 16KiB, 1MiB".to_owned())
}

fn yes(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("{key} is yes or no")),
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connections={},active={}", self.connections, percent(self.active))?;
        write!(f, ",message={}", size(self.message_bytes))?;
        write!(f, ",compute={}", time(self.compute))?;
        for (key, _) in
            [("short", self.short), ("isolate", self.isolate)].iter().filter(|(_, is)| *is)
        {
            write!(f, ",{key}=yes")?;
        }
        Ok(())
    }
}

/// A size that is read back.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes.is_multiple_of(1 << 20) => format!("{}MiB", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}KiB", bytes >> 10),
        _ => format!("{bytes}B"),
    }
}

/// A time that is read back.
pub(super) fn time(time: Duration) -> String {
    match time {
        Duration::ZERO => "0".to_owned(),
        time => format!("{time:?}"),
    }
}

/// A time as people read it.
pub(super) fn time_in_words(time: Duration) -> String {
    units::time(time.as_nanos() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_read_and_written_back() {
        let text = "connections=5000,active=1%,message=200B,compute=1ms";
        let workload: Workload = text.parse().unwrap();
        assert_eq!(workload.to_string(), text);
        assert_eq!((workload.active_peers(), workload.silent_peers()), (50.0, 4950.0));
        let text = "connections=7,active=0.5%,message=16KiB,compute=0,short=yes,isolate=yes";
        let workload: Workload = text.parse().unwrap();
        assert_eq!(workload.to_string(), text);
        assert_eq!((workload.active_peers(), workload.silent_peers()), (1.0, 6.0));
        for (active, written) in
            [("7%", "7%"), ("0.07", "7%"), ("0.01", "1%"), ("0.29", "29%"), ("1", "100%")]
        {
            let workload: Workload = format!("connections=9,active={active}").parse().unwrap();
            assert!(workload.to_string().contains(&format!("active={written},")), "{workload}");
        }
        let least: Workload = "connections=9".parse().unwrap();
        assert_eq!(least.to_string(), "connections=9,active=100%,message=64B,compute=0");
    }

    /// Kills: a slip of the finger that is taken for a workload.
    #[test]
    fn what_makes_no_sense_is_said() {
        for (text, part) in [
            ("", "key=value"),
            ("active=1%", "connections=5000"),
            ("connections=0", "above 0"),
            ("connections=5,active=0%", "active=1%"),
            ("connections=5,active=200%", "active=1%"),
            ("connections=5,active=2", "active=0.01"),
            ("connections=5,message=200KB", "16KiB"),
            ("connections=5,compute=1", "needs a unit"),
            ("connections=5,short=maybe", "yes or no"),
            ("connections=5,conections=5", "did you mean `connections`"),
            ("connections=5,connections=5", "twice"),
        ] {
            let error = text.parse::<Workload>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
