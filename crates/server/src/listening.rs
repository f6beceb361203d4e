//! Listeners: opened, kept and closed here and nowhere else; a model is lent them.
//!
//! `SO_REUSEADDR` is always set, so that a restarted server gets its port back while old peers are
//! in TIME_WAIT. On Linux it alone does not let two servers share a port: the second can bind only
//! while the first does not listen, and fails at listen(2) at the latest (socket(7)).
//! `SO_REUSEPORT` (on request) does let them share.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, ipproto, listen,
    socket_with,
};
use rustix::net::{getsockname, sockopt};
use switchboard_core::Endpoint;

use crate::Address;
use crate::stopping::Bell;

/// What every listener of a server has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenOptions {
    pub(crate) backlog: i32,
    pub(crate) reuse_port: bool,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) send_buffer: Option<usize>,
    /// How long accepted sockets wait, if they are blocking.
    pub(crate) wait: Option<Duration>,
    /// Several processes accept.
    pub(crate) others: bool,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions {
            backlog: 1024,
            reuse_port: false,
            receive_buffer: None,
            send_buffer: None,
            wait: None,
            others: false,
        }
    }
}

/// One listening socket, non-blocking. Closed when the last holder lets go of it.
pub(crate) struct Listener {
    fd: OwnedFd,
    address: Endpoint,
    /// Accepted sockets have another local address than the listener's own.
    pub(crate) wildcard: bool,
    /// There is one for all loops and processes.
    pub(crate) shared: bool,
    /// Rung for a newcomer that one process leaves to the others; `None`: there are none, or none
    /// that have this listener.
    passed_on: Option<Bell>,
    /// What accepted sockets have as their time-outs (`SO_RCVTIMEO`, `SO_SNDTIMEO`).
    wait: Option<Duration>,
    /// The socket's file, which file it was, and the process that made it and removes it.
    file: Option<(PathBuf, FileId, u32)>,
}

/// Device and inode: a path alone may be another server's by now.
type FileId = (u64, u64);

/// All listeners of a server: one set that all loops and processes share, or one for each.
pub(crate) struct Listeners {
    kept: Mutex<Vec<Vec<Arc<Listener>>>>,
    addresses: Vec<Endpoint>,
    backlog: usize,
    /// The operator said `pause`: whoever begins to accept begins with that.
    held: AtomicBool,
    /// Other processes accept from the same listeners, or are about to.
    left_to_others: AtomicBool,
}

impl Listeners {
    /// Opens a listener for each address of each of `addresses`; `sets` times (at least once), if
    /// each loop is to have its own: then the kernel shares the peers out by a hash of their
    /// addresses (socket(7), `SO_REUSEPORT`). A Unix socket has one listener, which all sets share.
    ///
    /// # Errors
    /// The sentence names the address.
    pub(crate) fn open(
        addresses: &[Address],
        options: ListenOptions,
        sets: usize,
    ) -> io::Result<Listeners> {
        let mut kept = vec![Vec::new(); sets];
        for address in addresses {
            let named = |error: io::Error| explain(address, &error);
            if let Address::Unix(path) = address {
                let listener = Arc::new(listen_unix(path, options).map_err(named)?);
                kept.iter_mut().for_each(|set| set.push(Arc::clone(&listener)));
                continue;
            }
            for socket_address in address.to_listen().map_err(named)? {
                let dual = matches!(address, Address::Any { .. });
                let group = listen_inet(socket_address, dual, options, sets).map_err(named)?;
                kept.iter_mut().zip(group).for_each(|(set, one)| set.push(Arc::new(one)));
            }
        }
        let addresses = kept[0].iter().map(|listener| listener.address.clone()).collect();
        let backlog = usize::try_from(options.backlog).unwrap_or(0) + 1;
        let (held, left_to_others) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Listeners { kept: Mutex::new(kept), addresses, backlog, held, left_to_others })
    }

    /// Where the server can be reached, with the ports that were chosen.
    pub(crate) fn addresses(&self) -> &[Endpoint] {
        &self.addresses
    }

    /// The listeners of the loop of that `number`.
    pub(crate) fn lend(&self, number: usize) -> Vec<Arc<Listener>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.len() {
            0 => Vec::new(),
            sets => kept[number % sets].clone(),
        }
    }

    /// Keeps, of `each` for every process, those of one process, and closes the others: in that
    /// process, after a fork. What all share stays.
    pub(crate) fn keep(&self, process: usize, each: usize) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() > 1 {
            *kept = kept.drain(process * each..(process + 1) * each).collect();
        }
    }

    /// The descriptors of those that are kept.
    pub(crate) fn descriptors(&self) -> Vec<RawFd> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().flatten().map(|listener| listener.fd.as_raw_fd()).collect()
    }

    /// The most peers that a drain takes out of the backlogs: as many as wait in one, of which Linux
    /// admits one more than asked for; none, if they were left to others.
    pub(crate) fn backlog(&self) -> usize {
        if self.left_to_others.load(SeqCst) { 0 } else { self.backlog }
    }

    /// Only this process is about to drain: whoever waits in the backlogs waits for the others.
    pub(crate) fn leave_to_others(&self) {
        self.left_to_others.store(true, SeqCst);
    }

    /// Remembers whether nobody is to be accepted now.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, SeqCst);
    }

    /// Whether nobody is to be accepted now.
    pub(crate) fn held(&self) -> bool {
        self.held.load(SeqCst)
    }

    /// Closes the listeners, of which a model that has emptied their backlogs keeps none.
    pub(crate) fn close(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Which listeners a loop or thread watches.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Attention {
    /// Some.
    pub(crate) any: bool,
    /// Not those that are shared, where newcomers are left to other processes.
    pub(crate) leaves: bool,
}

impl Attention {
    /// Whether this one is watched.
    pub(crate) fn has(self, listener: &Listener) -> bool {
        self.any && !(self.leaves && listener.shared)
    }
}

impl Listener {
    pub(crate) fn address(&self) -> &Endpoint {
        &self.address
    }

    /// Whether its peers have addresses of their own, as those of a Unix socket have not.
    pub(crate) fn is_inet(&self) -> bool {
        self.file.is_none()
    }

    pub(crate) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    /// Whoever is woken for newcomers here looks, too, when this is readable, and
    /// [answers](Listener::answer) first. Watched along with the listener, by those of whom the kernel
    /// wakes one.
    pub(crate) fn passed_on(&self) -> Option<BorrowedFd<'_>> {
        self.passed_on.as_ref().map(Bell::fd)
    }

    /// Newcomers are left to the other processes: somebody else is woken in the place of the caller,
    /// who may be the only one whom the kernel has told of the last one. Once for each time that the
    /// caller stops watching: so it ends, even if nobody has room.
    pub(crate) fn pass_on(&self) {
        if let Some(bell) = &self.passed_on {
            bell.ring();
        }
    }

    /// Takes one ring, if nobody else has taken it.
    pub(crate) fn answer(&self) {
        if let Some(bell) = &self.passed_on {
            bell.answer();
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some((path, id, maker)) = &self.file
            && *maker == process::id()
            && file_id(path).is_ok_and(|now| now == *id)
            && let Err(error) = fs::remove_file(path)
        {
            tracing::warn!("{} stays behind: {error}", path.display());
        }
    }
}

fn file_id(path: &Path) -> io::Result<FileId> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

/// So many listeners for one address. Options that accepted sockets inherit on Linux are set here
/// once, not at each accept: `SO_OOBINLINE`, `TCP_NODELAY`, the buffer sizes, the time-outs of sockets
/// that block (tcp(7), socket(7)).
fn listen_inet(
    address: SocketAddr,
    dual: bool,
    options: ListenOptions,
    count: usize,
) -> io::Result<Vec<Listener>> {
    let first = match bind_inet(address, dual, options, options.reuse_port) {
        // A machine without IPv6 still has all its IPv4 addresses.
        Err(error) if dual && error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error()) => {
            let any = SocketAddr::from(([0, 0, 0, 0], address.port()));
            bind_inet(any, false, options, options.reuse_port)?
        }
        other => other?,
    };
    let bound = SocketAddr::try_from(getsockname(&first)?)?;
    let mut sockets = vec![first];
    if count > 1 {
        // Only after it is bound: so another server that has the port is noticed, though it would
        // share it.
        sockopt::set_socket_reuseport(&sockets[0], true)?;
    }
    for _ in 1..count {
        sockets.push(bind_inet(bound, dual && bound.is_ipv6(), options, true)?);
    }
    let shared = count == 1;
    let listening = sockets.into_iter().map(|socket| {
        listen(&socket, options.backlog)?;
        Ok(Listener {
            fd: OwnedFd::from(TcpListener::from(socket)),
            address: Endpoint::from(bound),
            shared,
            passed_on: bell_for_others(shared && options.others)?,
            wildcard: bound.ip().is_unspecified(),
            wait: options.wait,
            file: None,
        })
    });
    listening.collect()
}

/// A socket that is bound and does not listen yet.
fn bind_inet(
    address: SocketAddr,
    dual: bool,
    options: ListenOptions,
    reuse_port: bool,
) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, !dual)?;
    }
    if reuse_port {
        sockopt::set_socket_reuseport(&fd, true)?;
    }
    sockopt::set_socket_oobinline(&fd, true)?;
    sockopt::set_tcp_nodelay(&fd, true)?;
    set_buffers(&fd, options)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Recv, options.wait)?;
    sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, options.wait)?;
    bind(&fd, &address)?;
    Ok(fd)
}

fn bell_for_others(any: bool) -> io::Result<Option<Bell>> {
    any.then(Bell::for_several).transpose()
}

fn listen_unix(path: &Path, options: ListenOptions) -> io::Result<Listener> {
    clear_stale(path)?;
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    let fd = OwnedFd::from(listener);
    set_buffers(&fd, options)?;
    listen(&fd, options.backlog)?;
    Ok(Listener {
        fd,
        address: Endpoint::Path(Arc::new(path.to_owned())),
        shared: true,
        passed_on: bell_for_others(options.others)?,
        wildcard: false,
        // Not inherited from the listener, as it is with TCP.
        wait: None,
        file: Some((path.to_owned(), file_id(path)?, process::id())),
    })
}

/// Removes the socket that a dead server left at `path`; whatever else is there stays.
fn clear_stale(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it exists and is no socket; choose another path or remove it",
        ));
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let probe = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&probe, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => fs::remove_file(path),
        // Someone listens, if with a full backlog (EAGAIN), or it cannot be told: bind(2) will say
        // that the address is in use.
        _ => Ok(()),
    }
}

fn set_buffers(fd: &OwnedFd, options: ListenOptions) -> io::Result<()> {
    if let Some(size) = options.receive_buffer {
        sockopt::set_socket_recv_buffer_size(fd, size)?;
    }
    if let Some(size) = options.send_buffer {
        sockopt::set_socket_send_buffer_size(fd, size)?;
    }
    Ok(())
}

fn explain(address: &Address, error: &io::Error) -> io::Error {
    let hint = match (error.kind(), address) {
        (io::ErrorKind::AddrInUse, _) => {
            "someone listens there already; stop that server or choose another --listen ADDRESS"
        }
        (io::ErrorKind::PermissionDenied, Address::Unix(_)) => {
            "this user may not create a socket there; choose another path"
        }
        (io::ErrorKind::PermissionDenied, _) => {
            "this user may not have that port; choose one from 1024 on"
        }
        (io::ErrorKind::NotFound, Address::Unix(_)) => {
            "its directory does not exist; create it or choose another path"
        }
        (io::ErrorKind::AddrNotAvailable, _) => "this machine does not have that address",
        _ => return io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")),
    };
    io::Error::new(error.kind(), format!("cannot listen on {address}: {hint}"))
}
