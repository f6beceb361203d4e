//! Services that are written as futures: what the server promises their peers, over TCP and Unix
//! sockets, with one thread and with several.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use switchboard::future::Stream;
use switchboard::testing::{Client, until};
use switchboard::{Drain, Handle, Model, PeerInfo, Server, Stats};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MODELS: [&str; 2] = ["tokio", "tokio:threads=2"];

async fn echo(mut stream: Stream, _: PeerInfo) -> io::Result<()> {
    let draining = stream.draining();
    let mut buffer = [0; 256];
    loop {
        let count = tokio::select! {
            count = stream.read(&mut buffer) => count?,
            () = draining.begun() => return Ok(()),
        };
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Runs `test` against a server under each model.
#[track_caller]
fn under_each(server: impl Fn() -> Server, test: impl Fn(Handle)) {
    for model in MODELS {
        let model: Model = model.parse().expect("a model");
        let address = "127.0.0.1:0".parse::<switchboard::Address>().expect("an address");
        test(server().model(model).listen(address).spawn().expect("it starts"));
    }
}

fn connect(server: &Handle) -> Client {
    Client::connect(&server.address().to_string()).expect("it listens")
}

#[track_caller]
fn stop(server: Handle) -> Stats {
    server.stop();
    server.join().expect("it stops")
}

/// Kills: a byte that is not counted; a peer that is counted twice, or under a wrong ending.
#[test]
fn counts_what_it_moves_and_how_peers_end() {
    under_each(
        || Server::future("echo", echo),
        |server| {
            connect(&server).send("hello").expect("hello").end().expect_end();
            let mut reset = connect(&server);
            reset.send("a").expect("a");
            reset.reset();
            until("the second to be gone", || server.stats().present() == 0);
            let stats = stop(server);
            assert_eq!((stats.accepted, stats.in_order, stats.failed), (2, 1, 1));
            assert_eq!((stats.received, stats.sent), (6, 6));
        },
    );
}

/// Kills: a peer that is held open by the drain although its future was told; one that is counted as
/// cut off.
#[test]
fn ends_in_order_when_its_server_drains() {
    under_each(
        || Server::future("echo", echo),
        |server| {
            let mut peers: Vec<Client> = (0..5).map(|_| connect(&server)).collect();
            for peer in &mut peers {
                peer.send("a").expect("a");
            }
            let begun = Instant::now();
            let stats = stop(server);
            assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?}", begun.elapsed());
            peers.iter_mut().for_each(Client::expect_end);
            assert_eq!((stats.accepted, stats.in_order), (5, 5));
        },
    );
}

/// Is counted when it is dropped.
struct Noted(Arc<AtomicU32>);

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Kills: a future that does not heed the drain and is never cut off, or is leaked.
#[test]
fn is_dropped_at_the_cut() {
    let dropped: Arc<AtomicU32> = Arc::default();
    let server = || {
        let dropped = dropped.clone();
        let serve = move |mut stream: Stream, _: PeerInfo| {
            let noted = Noted(dropped.clone());
            async move {
                let _noted = noted;
                stream.write_all(b"hello").await?;
                std::future::pending().await
            }
        };
        Server::future("deaf", serve).drain(Drain::Within(Duration::from_millis(100)))
    };
    under_each(server, |server| {
        let mut peer = connect(&server);
        peer.expect("hello");
        let stats = stop(server);
        assert_eq!(peer.expect_closed(), b"");
        assert_eq!((stats.accepted, stats.cut_off), (1, 1));
    });
    assert_eq!(dropped.load(SeqCst), 2);
}

/// Kills: a peer that stays because another task holds a part of its stream, and that task with it.
#[test]
fn what_others_hold_of_its_stream_fails_when_it_ends() {
    let (told, errors) = mpsc::channel();
    let server = || {
        let told = told.clone();
        Server::future("leaves", move |stream: Stream, _: PeerInfo| {
            let told = told.clone();
            async move {
                let (mut reader, mut writer) = tokio::io::split(stream);
                tokio::spawn(async move {
                    let error = reader.read(&mut [0; 16]).await.err();
                    told.send(error.map(|error| error.kind()))
                });
                writer.write_all(b"bye").await
            }
        })
    };
    under_each(server, |server| {
        let mut peer = connect(&server);
        peer.expect("bye").expect_end();
        let error = errors.recv_timeout(Duration::from_secs(10)).expect("it is woken");
        assert_eq!(error, Some(io::ErrorKind::ConnectionAborted));
        assert_eq!(stop(server).in_order, 1);
    });
}

/// Kills: no idle limit for futures; one that moves no later with the bytes.
#[test]
fn is_timed_out_when_its_peer_is_silent() {
    under_each(
        || Server::future("echo", echo).idle(Some(Duration::from_millis(300))),
        |server| {
            let begun = Instant::now();
            let mut peer = connect(&server);
            std::thread::sleep(Duration::from_millis(200));
            peer.send("a").expect("a");
            peer.expect_closed();
            let passed = begun.elapsed();
            let expected = Duration::from_millis(500)..Duration::from_secs(5);
            assert!(expected.contains(&passed), "closed after {passed:?}");
            assert_eq!(stop(server).timed_out, 1);
        },
    );
}

/// Kills: a panic that ends the thread, or is not counted; an error of the service's own that passes
/// for its peer's.
#[test]
fn fails_alone() {
    let moody = |mut stream: Stream, _: PeerInfo| async move {
        match stream.read_u8().await? {
            b'p' => panic!("a panic of one peer"),
            b'e' => Err(io::Error::other("an error of the service's own")),
            byte => stream.write_all(&[byte]).await,
        }
    };
    under_each(
        || Server::future("moody", moody),
        |server| {
            let mut stays = connect(&server);
            for word in ["p", "e"] {
                assert_eq!(connect(&server).send(word).expect_closed(), b"");
            }
            stays.send("x").expect("x").expect_end();
            let stats = stop(server);
            assert_eq!((stats.accepted, stats.failed, stats.in_order), (3, 2, 1));
        },
    );
}

/// Kills: a close that resets a peer whose last bytes nobody has read, so that it loses the answer; a
/// write that stops for good when the socket is full.
#[test]
fn a_long_answer_reaches_a_peer_that_goes_on_sending() {
    // More than any socket's buffers hold.
    const LONG: usize = 16 << 20;
    let once = |mut stream: Stream, _: PeerInfo| async move {
        stream.read_u8().await?;
        stream.write_all(&[b'y'; LONG]).await
    };
    under_each(
        || Server::future("once", once),
        |server| {
            let mut peer = connect(&server);
            peer.send(vec![b'x'; 10_000]);
            peer.expect(vec![b'y'; LONG]).expect_end();
            assert_eq!(stop(server).in_order, 1);
        },
    );
}

#[test]
fn serves_unix_sockets() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = format!("unix:{}", directory.path().join("socket").display());
    let address: switchboard::Address = path.parse().expect("an address");
    let server = Server::future("echo", echo).listen(address).spawn().expect("it starts");
    connect(&server).send("hello").expect("hello").end().expect_end();
    assert_eq!(stop(server).in_order, 1);
}

/// Kills: a model that runs a service it cannot; a default that is no model of futures.
#[test]
fn other_models_refuse_it_with_a_sentence() {
    let server = Server::future("echo", echo).model("epoll".parse().expect("a model"));
    let error = server.spawn().err().expect("a refusal").to_string();
    assert!(error.contains("models that can run it: tokio"), "{error}");
}
