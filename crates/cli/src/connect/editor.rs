//! A conversation on a terminal, with line editing and history. rustyline edits in the main
//! thread; what arrives is painted by its prompt, so that it never lands in the line being typed.

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rustix::net::{Shutdown, shutdown};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{Cmd, ColorMode, Config, ExternalPrinter, Helper, KeyCode, KeyEvent, Modifiers};

use super::charset::{Incoming, Outgoing};
use super::descriptor::{read, write_all};
use super::screen::Screen;
use super::{ConnectArgs, End};

const PROMPT: &str = "> ";
const CHUNK_BYTES: usize = 64 * 1024;

/// Up and down again: printed above the prompt it changes nothing but makes rustyline paint.
const WAKE: &str = "\x1b[A\n";

/// A terminal that is ready for a conversation.
pub(super) struct Editor<P> {
    lines: rustyline::Editor<Prompt, MemHistory>,
    printer: P,
    screen: Arc<Screen>,
}

/// Prepares the terminal of the standard streams.
///
/// # Errors
/// If it is too simple to edit lines on.
pub(super) fn open() -> rustyline::Result<Editor<impl ExternalPrinter + Send + 'static>> {
    // Not for colour: without it, rustyline does not ask the prompt what to paint.
    let config = Config::builder().auto_add_history(true).color_mode(ColorMode::Forced).build();
    let mut lines =
        rustyline::Editor::with_history(config.clone(), MemHistory::with_config(&config))?;
    let screen = Arc::new(Screen::default());
    lines.set_helper(Some(Prompt(Arc::clone(&screen))));
    let tab = KeyEvent(KeyCode::Tab, Modifiers::NONE);
    lines.bind_sequence(tab, Cmd::SelfInsert(1, '\t'));
    let printer = lines.create_external_printer()?;
    Ok(Editor { lines, printer, screen })
}

impl<P: ExternalPrinter + Send + 'static> Editor<P> {
    /// Sends what is typed and shows what comes until the server closes or the user leaves.
    ///
    /// # Errors
    /// If no thread can be started.
    pub(super) fn converse(self, socket: OwnedFd, args: &ConnectArgs) -> io::Result<End> {
        let Editor { mut lines, printer, screen } = self;
        let socket = Arc::new(socket);
        let (bell, rung) = sync_channel(1);
        thread::Builder::new().spawn(move || wake(printer, &rung))?;
        let receiver = {
            let (socket, screen) = (Arc::clone(&socket), Arc::clone(&screen));
            let incoming = Incoming::for_terminal(args);
            thread::Builder::new().spawn(move || receive(&socket, incoming, &screen, &bell))?
        };
        let mut outgoing = Outgoing::new(args, true);
        if let Some(end) = type_lines(&mut lines, &socket, &mut outgoing, &screen) {
            return Ok(end);
        }
        let _ = write_all(&socket, &outgoing.finish())
            .and_then(|()| Ok(shutdown(&socket, Shutdown::Write)?));
        let _ = receiver.join();
        Ok(screen.take_end().unwrap_or(End::Closed { asked: true }))
    }
}

/// Sends line after line; none: the user ended the input, and the server may still answer.
fn type_lines(
    lines: &mut rustyline::Editor<Prompt, MemHistory>,
    socket: &OwnedFd,
    outgoing: &mut Outgoing,
    screen: &Screen,
) -> Option<End> {
    loop {
        let typed = lines.readline(PROMPT);
        if let Err(error) = screen.line_finished() {
            return Some(End::Output(error));
        }
        if let Some(end) = screen.take_end() {
            return Some(end);
        }
        match typed {
            Ok(line) => {
                // Where this fails the server has gone, and the receiving thread learns how.
                let _ = write_all(socket, &outgoing.bytes(format!("{line}\n").as_bytes()));
            }
            Err(ReadlineError::Eof) => return None,
            Err(ReadlineError::Interrupted) => return Some(End::Interrupted),
            // A byte that is no UTF-8: the line is lost, the conversation is not.
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {}
            Err(error) => return Some(End::Input(io::Error::other(error))),
        }
    }
}

/// Never joined: its bell may ring when no line is being edited any more.
fn wake(mut printer: impl ExternalPrinter, rung: &Receiver<()>) {
    while rung.recv().is_ok() {
        if printer.print(WAKE.to_owned()).is_err() {
            return;
        }
    }
}

fn receive(socket: &OwnedFd, mut incoming: Incoming, screen: &Screen, bell: &SyncSender<()>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let (bytes, mut end) = match read(socket, &mut chunk) {
            Ok(0) => (&chunk[..0], Some(End::Closed { asked: false })),
            Ok(taken) => (&chunk[..taken], None),
            Err(error) => (&chunk[..0], Some(End::Broke(error))),
        };
        if let Err(error) = screen.show(&incoming.text(bytes, end.is_some())) {
            end = Some(End::Output(error));
        }
        let over = end.is_some();
        if let Some(end) = end {
            screen.end(end);
        }
        // A full channel holds a ring that has not been heard yet: it will do for this one too.
        let _ = bell.try_send(());
        if over {
            return;
        }
    }
}

/// Paints what has arrived above the line, whenever rustyline paints the line.
struct Prompt(Arc<Screen>);

impl Highlighter for Prompt {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Owned(self.0.painting() + prompt)
    }
}

impl Completer for Prompt {
    type Candidate = String;
}
impl Hinter for Prompt {
    type Hint = String;
}
impl Validator for Prompt {}
impl Helper for Prompt {}
