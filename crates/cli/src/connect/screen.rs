//! The terminal, shared by the thread that edits and the one that receives. While a line is being
//! edited only the editing thread writes; what arrives waits until it paints its prompt anew.

use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::stdout;
use rustix::termios::tcgetwinsize;

use super::End;
use super::descriptor::write_all;
use super::row::Row;

/// What may wait for the editing thread before the receiving one stops reading.
const PENDING_MAX_BYTES: usize = 1024 * 1024;

/// Where what the server sends meets what the user types.
#[derive(Default)]
pub(super) struct Screen {
    state: Mutex<State>,
    painted: Condvar,
}

#[derive(Default)]
struct State {
    pending: String,
    row: Row,
    /// Between the first painting of a prompt and the end of its line.
    editing: bool,
    ended: Option<End>,
    /// The editor has been told to give up its line.
    called_off: bool,
}

impl Screen {
    /// The receiving thread has text: writes it, or leaves it for the next [`painting`].
    ///
    /// # Errors
    /// If the terminal takes nothing more.
    ///
    /// [`painting`]: Screen::painting
    pub(super) fn show(&self, text: &str) -> io::Result<()> {
        let mut state = self.state();
        while state.editing && state.pending.len() > PENDING_MAX_BYTES {
            state = self.painted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.pending.push_str(text);
        match state.editing {
            true => Ok(()),
            false => state.flush(),
        }
    }

    /// The receiving thread has nothing more to show.
    pub(super) fn end(&self, end: End) {
        self.state().ended = Some(end);
    }

    /// The editing thread paints a prompt: returns what to write above it.
    ///
    /// Once the conversation has ended, this also makes the editor give up the line: it raises
    /// SIGINT, whose handler is the editor's own as long as a prompt is being painted.
    pub(super) fn painting(&self) -> String {
        let mut state = self.state();
        state.editing = true;
        let painted = state.take();
        self.painted.notify_all();
        if state.ended.is_some() && !std::mem::replace(&mut state.called_off, true) {
            let _ = kill_process(getpid(), Signal::INT);
        }
        painted
    }

    /// The editor has finished its line and left the cursor at the start of a row below it.
    ///
    /// # Errors
    /// As [`show`](Screen::show).
    pub(super) fn line_finished(&self) -> io::Result<()> {
        let mut state = self.state();
        state.editing = false;
        state.row.leave();
        self.painted.notify_all();
        state.flush()
    }

    /// How the conversation ended, once it has; taken, not copied.
    pub(super) fn take_end(&self) -> Option<End> {
        self.state().ended.take()
    }

    /// A panic elsewhere leaves text that can still be shown.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self) -> String {
        let columns = tcgetwinsize(stdout()).map_or(0, |size| usize::from(size.ws_col));
        // A terminal without a width, as over a serial line, counts as the classic one.
        let painted = self.row.paint(&self.pending, if columns == 0 { 80 } else { columns });
        self.pending.clear();
        painted
    }

    fn flush(&mut self) -> io::Result<()> {
        let painted = self.take();
        write_all(stdout(), painted.as_bytes())
    }
}
