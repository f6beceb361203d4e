//! What a ring knows of each peer's socket, and of the loop's own descriptors.

use std::os::fd::RawFd;

use crate::mechanism::Key;

/// How far a request is that is made again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Request {
    /// Its last completion has come, or it was never made.
    #[default]
    Idle,
    Armed,
    /// It was cancelled; its last completion is to come. It is not made anew before that, or its
    /// completions could be taken for those of the new one.
    Ending,
}

/// What came from a peer whose connection did not want it then.
#[derive(Debug, Default)]
pub(super) struct Stash {
    bytes: Vec<u8>,
    /// So many of them have been taken. They stay until all are: to move the rest each time would
    /// copy a mebibyte that is taken in pieces many times over.
    taken: usize,
    /// What came behind them: 0 is the peer's end, another number an error.
    pub(super) end: Option<i32>,
}

impl Stash {
    /// More of it.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next bytes, at most so many; none: all are taken.
    pub(super) fn take(&mut self, most: usize) -> &[u8] {
        let from = self.taken;
        self.taken = self.bytes.len().min(from.saturating_add(most));
        &self.bytes[from..self.taken]
    }

    /// Whether all bytes are taken.
    pub(super) fn is_taken(&self) -> bool {
        self.taken == self.bytes.len()
    }
}

/// One peer's socket.
#[derive(Debug, Default)]
pub(super) struct Line {
    generation: u32,
    pub(super) fd: RawFd,
    /// Where its output lies among those that are sent next, plus one; 0: it has none there.
    pub(super) sending: u32,
    pub(super) receive: Request,
    /// Input is wanted.
    pub(super) wanted: bool,
    /// Tells of room in the socket.
    pub(super) room: Request,
    /// The socket took less than all, and has not been told of since.
    pub(super) blocked: bool,
    pub(super) stash: Option<Box<Stash>>,
}

/// The lines of all peers, by key.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
}

impl Lines {
    pub(super) fn open(&mut self, key: Key, fd: RawFd) -> &mut Line {
        let index = key.index();
        if index >= self.lines.len() {
            self.lines.resize_with(index + 1, Line::default);
        }
        self.lines[index] = Line { generation: key.generation(), fd, ..Line::default() };
        &mut self.lines[index]
    }

    #[inline]
    pub(super) fn get(&mut self, key: Key) -> Option<&mut Line> {
        self.lines.get_mut(key.index()).filter(|line| line.generation == key.generation())
    }

    /// Forgets a peer. What was left of it comes back.
    pub(super) fn close(&mut self, key: Key) -> Option<Line> {
        self.get(key).map(std::mem::take)
    }
}

/// One of the loop's own descriptors. It is polled once, and again after each time that it was
/// ready, so it is told of for as long as it is; or it is a listener at which the kernel accepts.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) key: Key,
    pub(super) fd: RawFd,
    pub(super) wanted: bool,
    /// The kernel accepts peers there.
    pub(super) accepts: bool,
    pub(super) request: Request,
}

/// The loop's own descriptors: a handful.
#[derive(Default)]
pub(super) struct Sources {
    sources: Vec<Source>,
}

impl Sources {
    /// The place of this key's source; a new one, if there was none.
    pub(super) fn open(&mut self, key: Key, fd: RawFd) -> &mut Source {
        let place = self.sources.iter().position(|source| source.key == key).unwrap_or_else(|| {
            let request = Request::Idle;
            self.sources.push(Source { key, fd, wanted: true, accepts: false, request });
            self.sources.len() - 1
        });
        let source = &mut self.sources[place];
        (source.fd, source.wanted) = (fd, true);
        source
    }

    /// The keys of the listeners at which the kernel accepts.
    pub(super) fn accepting(&self) -> Vec<Key> {
        self.sources.iter().filter(|source| source.accepts).map(|source| source.key).collect()
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut Source> {
        self.sources.iter_mut().find(|source| source.key == key)
    }
}
