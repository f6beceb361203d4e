//! A real Chromium, without a screen, that reaches the test only.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long a page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whom the browser asks for its own sake; no page under test names them.
pub(crate) const MAKERS: [&str; 2] = [".google.com", ".googleapis.com"];

/// What a browser made of a page.
pub(crate) struct Seen {
    /// The document after its scripts have run.
    pub(crate) document: String,
    /// What was asked for that the test does not have: a path, or another server's address.
    pub(crate) strange: Vec<String>,
    /// What it said on standard error, the console among it.
    pub(crate) said: String,
}

/// Opens `/start` of these files, by path, in dark or light.
///
/// # Panics
/// If there is no Chromium: `./check` installs it.
pub(crate) fn open(files: &[(&str, String)], start: &str, dark: bool) -> Seen {
    let files: HashMap<String, String> =
        files.iter().map(|(path, text)| (format!("/{path}"), text.clone())).collect();
    let strange = Arc::new(Mutex::new(Vec::new()));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = Arc::clone(&strange);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream, &files, &told);
        }
    });
    let profile = tempfile::tempdir().unwrap();
    let mut command = headless(&profile, &address.to_string());
    command.args(["--enable-logging=stderr", "--virtual-time-budget=20000", "--dump-dom"]);
    command.arg(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
    command.arg(format!("http://{address}/{start}"));
    let (document, said) = output(command);
    let strange = std::mem::take(&mut *strange.lock().unwrap());
    Seen { document, strange, said }
}

/// How many pages of paper a page without scripts takes.
pub(crate) fn pages(page: &str) -> usize {
    let profile = tempfile::tempdir().unwrap();
    let [from, to] = ["page.html", "page.pdf"].map(|name| profile.path().join(name));
    std::fs::write(&from, page).unwrap();
    // Nobody listens there.
    let mut command = headless(&profile, "127.0.0.1:9");
    command.arg(format!("--print-to-pdf={}", to.display())).arg("--no-pdf-header-footer");
    command.arg(format!("file://{}", from.display()));
    let (_, said) = output(command);
    let pdf = std::fs::read(&to).unwrap_or_else(|error| panic!("{error}: {said}"));
    String::from_utf8_lossy(&pdf).lines().filter(|line| line.ends_with("/Type /Page")).count()
}

/// A browser that asks nobody but `proxy`, whomever it wants something of.
fn headless(profile: &tempfile::TempDir, proxy: &str) -> Command {
    let mut command = Command::new("chromium");
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]);
    // It is the browser itself that these would ask for, not the page.
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--no-first-run",
    ]);
    command.args(["--disable-sync", "--disable-default-apps", "--disable-extensions"]);
    command.arg(format!("--user-data-dir={}", profile.path().display()));
    command.arg(format!("--proxy-server={proxy}")).arg("--proxy-bypass-list=<-loopback>");
    command
}

/// What it writes, unless it takes too long.
fn output(mut command: Command) -> (String, String) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            panic!("cannot start chromium ({error}); install it: apt-get install chromium")
        }
    };
    let pid = child.id();
    let out = child.stdout.take().unwrap();
    let err = child.stderr.take().unwrap();
    let read = |from: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || std::io::read_to_string(from).unwrap_or_default())
    };
    let (out, err) = (read(Box::new(out)), read(Box::new(err)));
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            let _ = child.kill();
            panic!("chromium (process {pid}) took longer than {PATIENCE:?}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    (out.join().unwrap(), err.join().unwrap())
}

/// Answers one request, as the server that it is for or as a proxy for any other.
fn serve(mut stream: TcpStream, files: &HashMap<String, String>, strange: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    let target = first.split(' ').nth(1).unwrap_or_default();
    let own = format!("http://{}", stream.local_addr().unwrap());
    let path = target.strip_prefix(&own).unwrap_or(target);
    let answer = match files.get(path) {
        Some(text) => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}",
            text.len()
        ),
        None => {
            // A browser asks for the icon of any page, and for news of itself.
            let own = MAKERS.iter().any(|maker| target.contains(maker));
            if !target.is_empty() && path != "/favicon.ico" && !own {
                strange.lock().unwrap().push(target.to_owned());
            }
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }
    };
    // Who has gone does not want it.
    let _ = stream.write_all(answer.as_bytes());
}
