//! The flags of `switchboard serve`, for it and for every program that is made with
//! [`Server::main`].

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, Command, FromArgMatches, ValueEnum};

use crate::running::{Prepared, must_be_alone};
use crate::{
    Address, Drain, Model, ServeError, Server, WhenFull, descriptors, mappings, model, story,
};

/// How to serve: the flags of `switchboard serve`.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where to listen: HOST:PORT, [V6]:PORT, PORT, :PORT (all addresses) or unix:PATH; port 0
    /// takes a free one [default: 127.0.0.1:7788]
    #[arg(short, long, value_name = "ADDRESS", global = true)]
    listen: Vec<Address>,

    /// The concurrency model, NAME[:key=value,...]; `switchboard models` lists them [default on
    /// Linux: epoll, or coroutine for a straight-line service]
    #[arg(short, long, value_name = "MODEL", global = true)]
    model: Option<Model>,

    /// The most peers at a time [default: as many as there are descriptors for]
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u32).range(1..))]
    peers_max: Option<u32>,

    /// What happens to one more: it is closed at once, or waits in the backlog for another to leave
    /// [default: refuse]
    #[arg(long, value_name = "WHAT", global = true)]
    when_full: Option<Full>,

    /// Close a peer that moves no byte for this long, such as 90s or 10m; `none` turns it off
    /// [default: 10m, or what the service says]
    #[arg(long, value_name = "DURATION", global = true)]
    idle: Option<IdleLimit>,

    /// How long a stop waits for peers in the midst of something: a duration, 0 or `forever`
    /// [default: 10s]
    #[arg(long, value_name = "DURATION", global = true)]
    drain: Option<DrainLimit>,

    /// The largest request, in bytes [default: 1048576]
    #[arg(long, value_name = "BYTES", global = true, value_parser = clap::value_parser!(u32).range(1..))]
    request_max: Option<u32>,

    /// What others send to one peer and it has not read, in bytes, before it is too slow [default:
    /// 262144]
    #[arg(long, value_name = "BYTES", global = true, value_parser = clap::value_parser!(u32).range(1..))]
    mail_max: Option<u32>,

    /// Peers that wait to be accepted, at most (the kernel may have less: net.core.somaxconn)
    #[arg(long, value_name = "N", global = true, default_value_t = 1024, value_parser = clap::value_parser!(u16).range(1..))]
    backlog: u16,

    /// Let other servers listen on the same port (SO_REUSEPORT); the kernel shares peers out
    #[arg(long, global = true)]
    reuse_port: bool,

    /// The kernel's buffer for what a peer sends, in bytes (SO_RCVBUF)
    #[arg(long, value_name = "BYTES", global = true, value_parser = clap::value_parser!(u32).range(1..1 << 30))]
    receive_buffer: Option<u32>,

    /// The kernel's buffer for what a peer is sent, in bytes (SO_SNDBUF)
    #[arg(long, value_name = "BYTES", global = true, value_parser = clap::value_parser!(u32).range(1..1 << 30))]
    send_buffer: Option<u32>,

    /// Threads, in each process, for jobs that the service offloads [default: one for each core, and
    /// at least 2]
    #[arg(long, value_name = "N", global = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    offload_threads: Option<u16>,

    /// Take the words stats, peers, pause, resume and quit from standard input
    #[arg(long, global = true)]
    console: bool,

    /// Tell of each peer; twice: of each wait and what was done with it
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Full {
    Refuse,
    Wait,
}

#[derive(Clone, Copy, Debug)]
struct IdleLimit(Option<Duration>);

#[derive(Clone, Copy, Debug)]
struct DrainLimit(Drain);

impl FromStr for IdleLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<IdleLimit, String> {
        match text {
            "none" => Ok(IdleLimit(None)),
            text => match duration(text)? {
                Duration::ZERO => Err("a peer needs some time; `none` turns the limit off".into()),
                limit => Ok(IdleLimit(Some(limit))),
            },
        }
    }
}

impl FromStr for DrainLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<DrainLimit, String> {
        match text {
            "forever" => Ok(DrainLimit(Drain::Forever)),
            "0" => Ok(DrainLimit(Drain::Within(Duration::ZERO))),
            text => Ok(DrainLimit(Drain::Within(duration(text)?))),
        }
    }
}

/// Longer durations are a slip of the finger, and no clock counts for ever.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// A DURATION, which needs a unit.
///
/// # Errors
/// A sentence that says how one is written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let read = humantime::parse_duration(text).map_err(|_| {
        match text.bytes().all(|b| b.is_ascii_digit()) {
            true if !text.is_empty() => {
                format!("a duration needs a unit: {text}s, {text}m, {text}ms")
            }
            _ => "a duration is a number and a unit, such as 500ms, 10s, 5m, 1h".to_owned(),
        }
    })?;
    match read > LONGEST {
        true => Err("a duration is at most 100 years".to_owned()),
        false => Ok(read),
    }
}

impl ServeArgs {
    /// What is said here overrides what the program says of itself, which stands otherwise.
    fn apply(&self, mut server: Server) -> Server {
        for address in &self.listen {
            server = server.listen(address.clone());
        }
        if let Some(model) = &self.model {
            server = server.model(model.clone());
        }
        let options = &mut server.options;
        if let Some(most) = self.peers_max {
            options.peers_max = usize::try_from(most).ok();
        }
        if let Some(IdleLimit(limit)) = self.idle {
            options.idle = Some(limit);
        }
        if let Some(when_full) = self.when_full {
            options.when_full = match when_full {
                Full::Refuse => WhenFull::Refuse,
                Full::Wait => WhenFull::Wait,
            };
        }
        if let Some(DrainLimit(drain)) = self.drain {
            options.drain = drain;
        }
        if let Some(most) = self.request_max {
            options.limits.request_max = most as usize;
        }
        if let Some(most) = self.mail_max {
            options.limits.mail_max = most as usize;
        }
        options.listen.backlog = i32::from(self.backlog);
        options.listen.reuse_port = self.reuse_port;
        options.listen.receive_buffer = self.receive_buffer.map(|size| size as usize);
        options.listen.send_buffer = self.send_buffer.map(|size| size as usize);
        if let Some(most) = self.offload_threads {
            options.offload_threads = usize::from(most);
        }
        options.console = self.console;
        server
    }
}

/// Serves as `args` say, from the ready line to the stop line.
///
/// Exit status: 0 after an orderly stop, 2 if the model cannot run the service, 1 for any other
/// failure, which standard error has in a sentence.
pub fn serve(server: Server, args: &ServeArgs) -> ExitCode {
    story::tell(args.verbose);
    descriptors::raise_limit();
    let mut server = args.apply(server);
    server.options.attended = io::stderr().is_terminal();
    let result = server.prepare().and_then(|prepared| {
        must_be_alone(&prepared.model)?;
        let _obedience = prepared.obey_signals()?;
        let introduction = Introduction::of(&prepared);
        let serving = prepared.start()?;
        introduction.print();
        serving.keep()
    });
    match result {
        Ok(stats) => {
            print_line(&format!("stopped {stats}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            match error {
                ServeError::Refused(_) => ExitCode::from(2),
                ServeError::Unavailable(_) | ServeError::Io(_) => ExitCode::FAILURE,
            }
        }
    }
}

/// The ready lines, and at `-v` what runs.
struct Introduction {
    ready: Vec<String>,
    told: Vec<String>,
}

impl Introduction {
    fn of(prepared: &Prepared) -> Introduction {
        let (site, pid) = (&prepared.site, std::process::id());
        let (service, model) = (site.service.name(), &prepared.model);
        let mut told = vec![room(prepared), format!("process {pid}: {service} under {model}")];
        let threads = (model.kind().threads)(model);
        let of_each = match model.processes() {
            None => "  thread",
            Some(count) => {
                told.push("  thread main: watches over the processes".to_owned());
                told.push(format!("  processes sb-process-0 to {}, in each:", count - 1));
                "    thread"
            }
        };
        told.extend(threads.iter().map(|(name, task)| format!("{of_each} {name}: {task}")));
        let ready = site.listeners.addresses().iter().map(|address| {
            format!("listening on {address} service={service} model={model} pid={pid}")
        });
        Introduction { ready: ready.collect(), told }
    }

    fn print(&self) {
        self.told.iter().for_each(|line| tracing::info!("{line}"));
        self.ready.iter().for_each(|line| print_line(line));
    }
}

/// How many peers there is room for: by the limit, by the descriptors, by the model itself.
fn room(prepared: &Prepared) -> String {
    let (most, limit) = (prepared.site.gate.most(), descriptors::limit_now());
    let kind = prepared.model.kind();
    if let (Some(maps), true) = (mappings::limit(), (kind.fits)() <= most) {
        return format!("room for {most} peers (a thread each, vm.max_map_count {maps})");
    }
    match ((kind.peers_max)(&prepared.model), kind.family.has_loops()) {
        (None, _) => format!("room for {most} peers (descriptor limit {limit})"),
        (Some(own), false) => {
            format!(
                "room for {} at a time; others wait in the backlog ({} has no more)",
                own.min(most as u64),
                kind.name
            )
        }
        (Some(own), true) => {
            let own = own.saturating_sub(descriptors::in_use());
            let most = own.min(most as u64);
            format!("room for {most} peers ({} watches no more)", kind.name)
        }
    }
}

/// One line on standard output, at once. Nobody may be reading it; that stops nothing.
fn print_line(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// [`Server::main`]: the flags of this process.
pub(crate) fn main(server: Server) -> ExitCode {
    let name = server.service().name().to_owned();
    let about = format!("Serve {name} under any concurrency model");
    let command = ServeArgs::augment_args(Command::new(name))
        .about(about)
        .after_help(format!("Models: {}", model::names(|_| true)));
    match parse(command, std::env::args_os()) {
        Ok(matches) => match ServeArgs::from_arg_matches(&matches) {
            Ok(args) => serve(server, &args),
            Err(error) => refuse(&error),
        },
        Err(status) => status,
    }
}

/// Parses a command line. What cannot be parsed is explained on standard error, with what was
/// meant where a flag is known from other servers; `Err` has the exit status then.
pub fn parse(
    command: Command,
    words: impl IntoIterator<Item = OsString>,
) -> Result<clap::ArgMatches, ExitCode> {
    command.try_get_matches_from(words).map_err(|error| refuse(&error))
}

fn refuse(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.kind() == ErrorKind::UnknownArgument
        && let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(hint) = model::flag_hint(flag)
    {
        let _ = writeln!(io::stderr(), "\n{flag} is known elsewhere; here it is {hint}");
    }
    match error.use_stderr() {
        true => ExitCode::from(2),
        false => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use switchboard_core::Limits;

    use super::*;

    #[test]
    fn a_duration_needs_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("10").is_err_and(|error| error.contains("10s")));
        assert!(duration("").is_err_and(|error| error.contains("such as")));
        assert!("0s".parse::<IdleLimit>().is_err_and(|error| error.contains("none")));
    }

    fn with(words: &[&str]) -> Server {
        let command = ServeArgs::augment_args(Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(words).unwrap();
        let limits = Limits { request_max: 64, ..Limits::default() };
        let server = Server::handler("test", |_peer| Ok(())).limits(limits);
        let server = server.when_full(WhenFull::Wait).drain(Drain::Forever);
        ServeArgs::from_arg_matches(&matches).unwrap().apply(server)
    }

    /// Kills: a flag that nobody gave and whose default takes the place of what the program says.
    #[test]
    fn what_the_program_says_stands_until_a_flag_says_otherwise() {
        let own = with(&[]).options;
        assert_eq!((own.limits.request_max, own.drain), (64, Drain::Forever));
        assert!(matches!(own.when_full, WhenFull::Wait));
        let said = with(&[
            "--request-max",
            "99",
            "--mail-max",
            "9",
            "--drain",
            "1s",
            "--when-full",
            "refuse",
        ])
        .options;
        assert_eq!((said.limits.request_max, said.limits.mail_max), (99, 9));
        assert_eq!(said.drain, Drain::Within(Duration::from_secs(1)));
        assert!(matches!(said.when_full, WhenFull::Refuse));
    }
}
