//! `switchboard connect`: a conversation by hand. Standard output carries only what the server
//! sent; whatever `connect` itself has to say goes to standard error.

mod charset;
mod descriptor;
mod dial;
mod editor;
mod lines;
mod plain;
mod row;
mod screen;

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

use switchboard::Address;

use charset::Charset;
use lines::LineEnd;

/// The arguments of `connect`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
On a terminal, lines can be edited and called back (arrow keys, Ctrl-R), empty lines are not sent,
and control characters from the server are shown as \\x1b. Ctrl-D ends your side and shows what
still comes; Ctrl-C leaves at once.

From a pipe, the input is sent as it comes, then your side ends and the answers are awaited:
  printf 'a\\nb\\n' | switchboard connect

Exit status: 0 when the conversation ended in order, 1 when connecting failed or the connection
broke, 2 for bad usage, 130 after Ctrl-C.")]
pub(crate) struct ConnectArgs {
    /// Where the server listens: HOST:PORT, [V6]:PORT, PORT, :PORT or unix:PATH
    #[arg(value_name = "ADDRESS", default_value_t = Address::default())]
    address: Address,

    /// What ends each line that is sent
    #[arg(long, value_enum, value_name = "END", default_value_t = LineEnd::Lf)]
    end: LineEnd,

    /// The character set of the server, such as gbk, shift_jis or latin1: lines are sent in it,
    /// answers are turned from it into UTF-8 [default: UTF-8; from and to a pipe: bytes as they
    /// are]
    #[arg(long, value_name = "CHARSET", value_parser = charset::parse)]
    encoding: Option<Charset>,
}

/// How a conversation ended.
#[derive(Debug)]
enum End {
    /// The server sent its last byte. `asked`: after the input had ended, as it should.
    Closed { asked: bool },
    /// The connection failed under way.
    Broke(io::Error),
    /// Standard input could not be read to its end.
    Input(io::Error),
    /// Standard output takes nothing more.
    Output(io::Error),
    /// The user left with Ctrl-C.
    Interrupted,
}

/// Holds a conversation between the standard streams and the server, and says how it ended.
pub(crate) fn connect(args: &ConnectArgs) -> ExitCode {
    let socket = match dial::dial(&args.address) {
        Ok(socket) => socket,
        Err(sentence) => {
            notice(&sentence);
            return ExitCode::FAILURE;
        }
    };
    let by_hand = io::stdin().is_terminal();
    if by_hand {
        notice(&format!("connected to {}; Ctrl-D ends, Ctrl-C leaves", args.address));
    }
    let editor = (by_hand && io::stdout().is_terminal()).then(editor::open).and_then(Result::ok);
    let ended = match editor {
        Some(editor) => editor.converse(socket, args),
        None => plain::converse(socket, args),
    };
    match ended {
        Ok(end) => report(end, by_hand),
        Err(error) => {
            notice(&format!("cannot start a thread for the conversation: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A server's closing is news unless a script asked for it by ending its input.
fn report(end: End, by_hand: bool) -> ExitCode {
    match end {
        End::Closed { asked } => {
            if by_hand || !asked {
                notice("the server closed the connection");
            }
            ExitCode::SUCCESS
        }
        End::Broke(error) => {
            match error.kind() {
                ErrorKind::ConnectionReset => notice("the server reset the connection"),
                _ => notice(&format!("the connection broke: {error}")),
            }
            ExitCode::FAILURE
        }
        End::Input(error) => {
            notice(&format!("cannot read standard input: {error}"));
            ExitCode::FAILURE
        }
        // Whoever read the output has seen enough, as `head` does.
        End::Output(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        End::Output(error) => {
            notice(&format!("cannot write standard output: {error}"));
            ExitCode::FAILURE
        }
        End::Interrupted => ExitCode::from(130),
    }
}

/// One line on standard error. Where that is closed, there is nobody to tell.
fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
