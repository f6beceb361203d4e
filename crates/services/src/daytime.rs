//! Daytime (RFC 867): one line that people can read, always in UTC, then the end.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use switchboard_core::{Context, Flow, Service, Session};

use crate::{Entry, Options};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "daytime",
    summary: "sends the date and time as a line of text, then closes",
    source: "RFC 867",
    styles: &["event"],
    options: &[],
    hidden: false,
    build,
};

fn build(_: &Options) -> Result<Service, String> {
    Ok(Service::sessions("daytime", |_peer| Daytime))
}

struct Daytime;

impl Session for Daytime {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(line(Timestamp::now()).as_bytes());
        Flow::Close
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.input.take_all();
        Flow::Close
    }
}

/// The form that the RFC recommends.
fn line(now: Timestamp) -> String {
    let now = now.to_zoned(TimeZone::UTC);
    now.strftime("%A, %B %-d, %Y %H:%M:%S-UTC\r\n").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_second_reads_as_it_should() {
        let at = |second| line(Timestamp::from_second(second).unwrap());
        assert_eq!(at(1_795_224_864), "Saturday, November 21, 2026 01:34:24-UTC\r\n");
        assert_eq!(at(951_782_400), "Tuesday, February 29, 2000 00:00:00-UTC\r\n");
        assert_eq!(at(-1), "Wednesday, December 31, 1969 23:59:59-UTC\r\n");
    }
}
