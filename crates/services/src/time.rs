//! Time (RFC 868): the seconds since 1900 in 4 bytes, which begin again from 0 in February 2036.

use jiff::Timestamp;
use switchboard_core::{Context, Flow, Service, Session};

use crate::{Entry, Options};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "time",
    summary: "sends the seconds since 1900 as 4 bytes, then closes",
    source: "RFC 868",
    styles: &["event"],
    options: &[],
    hidden: false,
    build,
};

fn build(_: &Options) -> Result<Service, String> {
    Ok(Service::sessions("time", |_peer| Time))
}

/// Seconds from the start of 1900 to that of 1970, by the RFC.
const UNIX_EPOCH: i64 = 2_208_988_800;

struct Time;

impl Session for Time {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(&bytes(Timestamp::now()));
        Flow::Close
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.input.take_all();
        Flow::Close
    }
}

/// Network order, the upper half of the count cut off.
fn bytes(now: Timestamp) -> [u8; 4] {
    ((now.as_second() + UNIX_EPOCH) as u32).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        let at = |second| u32::from_be_bytes(bytes(Timestamp::from_second(second).unwrap()));
        assert_eq!(at(0), 2_208_988_800);
        assert_eq!(at(200_793_600), 2_409_782_400);
        assert_eq!(at(420_595_200), 2_629_584_000);
    }

    #[test]
    fn the_count_begins_again_in_2036() {
        let last = i64::from(u32::MAX) - UNIX_EPOCH;
        assert_eq!(bytes(Timestamp::from_second(last).unwrap()), [0xff; 4]);
        assert_eq!(bytes(Timestamp::from_second(last + 1).unwrap()), [0; 4]);
    }
}
