//! `load` in a network of its own, in which no port is taken by anybody else.

use std::process::Command;

use super::said::{Said, run_command};
use super::{SWITCHBOARD, expect_all, field};

/// What a script of the shell says in such a network; `None`, aloud, where there is none to be had.
fn within(script: &str) -> Option<Said> {
    let directory = tempfile::tempdir().unwrap();
    let script = format!("ip link set lo up || exit 99\n{script}");
    let mut unshare = Command::new("timeout");
    unshare.args(["60", "unshare", "--map-root-user", "--net", "sh", "-c", &script]);
    let said = run_command(unshare.current_dir(&directory));
    // The first thing that a script does is to let a server write there.
    if !directory.path().join("ready").exists() {
        eprintln!("skipped: no network of one's own is to be had here: {}", said.stderr);
        return None;
    }
    Some(said)
}

/// Kills: another default than the guide and `--help` say; ten seconds that cannot be cut short.
#[test]
fn alone_it_drives_the_default_address() {
    // It is interrupted when the server has used a tenth of a second of processor time.
    let said = within(&format!(
        "{SWITCHBOARD} serve echo > ready & server=$!
         until grep -q listening ready; do sleep 0.01; done
         {SWITCHBOARD} load > result & load=$!
         until [ $(($(cut -d ' ' -f 14,15 --output-delimiter + /proc/$server/stat))) -ge 10 ]; do
           sleep 0.01
         done
         kill -INT $load; wait $load; status=$?
         kill $server; wait $server; cat ready result; exit $status"
    ));
    let Some(said) = said else { return };
    assert_eq!(said.status, Some(0), "{said:?}");
    for part in [
        "listening on 127.0.0.1:7788 service=echo",
        "stopped accepted=10 ",
        "Target        127.0.0.1:7788\n",
        "Load          closed loop, 1 message in flight on each connection\n",
        "Messages      64 bytes, protocol raw, expecting echo\n",
        "Connections   10 of 10, connected in ",
        " of 10.0 s, interrupted\n",
        "Errors        none\n",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in {}", said.stdout);
    }
}

/// An address has twenty ports to connect from.
///
/// Kills: ports that run out on loopback although there are more addresses; ones that run out and are
/// not said to.
#[test]
fn ports_run_out_or_are_taken_from_more_addresses() {
    let network = |words: &str| {
        within(&format!(
            "echo 40000 40019 > /proc/sys/net/ipv4/ip_local_port_range || exit 99
             {SWITCHBOARD} serve echo -l 127.0.0.1:7000 > ready & server=$!
             until grep -q listening ready; do sleep 0.01; done
             {SWITCHBOARD} load --json 127.0.0.1:7000 -c 50 -n 500 {words}; status=$?
             kill $server; wait $server; exit $status"
        ))
    };
    let Some(spread) = network("") else { return };
    expect_all(&spread, 500);
    assert_eq!(field(&spread, "connections"), "50 of 50");
    let one = network("--source 127.0.0.1").unwrap();
    assert_eq!(field(&one, "connections"), "20 of 50");
    assert_eq!(one.status, Some(3), "{one:?}");
    assert!(field(&one, "errors").contains("30 out of ports: no port is left"), "{one:?}");
}
