//! Discard (RFC 863): takes everything, answers nothing. With `--print` it shows who came, what
//! each sent, and who left.

use encoding_rs::Encoding;
use switchboard_core::{Context, Ending, Flow, Service, Session, State};

use crate::transcript::Transcript;
use crate::{Entry, Options, ServiceOption, charset, printing};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "discard",
    summary: "takes everything and answers nothing",
    source: "RFC 863",
    styles: &["event"],
    options: &[PRINT, ENCODING],
    hidden: false,
    build,
};

const PRINT: ServiceOption = ServiceOption {
    name: "print",
    value: None,
    values: &[],
    default: None,
    help: "Print who connects, what each sends, who leaves; line by line on standard output",
};

const ENCODING: ServiceOption = ServiceOption {
    name: "encoding",
    value: Some("CHARSET"),
    values: &[],
    default: Some("utf-8"),
    help: "How to read what is printed: utf-8, gb2312, gbk, gb18030, ...",
};

fn build(options: &Options) -> Result<Service, String> {
    let encoding = charset::find(ENCODING.of(options).unwrap_or_default())?;
    Ok(match options.flag(PRINT.name) {
        false => Service::sessions("discard", |_peer| Discard),
        true => Service::sessions("discard", move |_peer| Printed { encoding, transcript: None })
            .state(State::PerPeer)
            .at_exit(|| {
                printing::flush();
            }),
    })
}

struct Discard;

impl Session for Discard {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.input.take_all();
        Flow::Continue
    }
}

struct Printed {
    encoding: &'static Encoding,
    /// From the opening on: only then is the peer's address final.
    transcript: Option<Transcript>,
}

impl Session for Printed {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        let transcript = Transcript::new(peer.address(), self.encoding);
        printing::print(transcript.connected());
        self.transcript = Some(transcript);
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let bytes = peer.input.take_all();
        if let Some(transcript) = &mut self.transcript {
            transcript.sent(bytes).into_iter().for_each(printing::print);
        }
        Flow::Continue
    }

    fn closed(&mut self, ending: Ending) {
        if let Some(transcript) = self.transcript.take() {
            transcript.left(ending).into_iter().for_each(printing::print);
        }
    }
}
