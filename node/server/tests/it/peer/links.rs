//! Nodes that come, talk, go and come again.

use std::net::SocketAddr;

use bytes::Bytes;
use stator_model::{NodeId, StartNumber};
use stator_server::peer::{Error, KnownNode, Lane, NotSent, Security};

use super::rig::{Authority, Node, Plan, eventually, narrow};

/// Two nodes that dial each other.
fn pair() -> (Node, Node) {
    let (mut one, mut two) = (Plan::new(1).start(), Plan::new(2).start());
    one.know(&[&two]);
    two.know(&[&one]);
    one.expect_up(2, 1);
    two.expect_up(1, 1);
    (one, two)
}

#[test]
fn messages_go_both_ways_on_every_lane() {
    let (mut one, mut two) = pair();
    for lane in Lane::ALL {
        one.send(2, lane, b"to two");
        two.expect_message(1, lane, b"to two");
        two.send(1, lane, b"to one");
        one.expect_message(2, lane, b"to one");
        one.send(2, lane, b"");
        two.expect_message(1, lane, b"");
    }
}

#[test]
fn messages_of_a_lane_keep_their_order() {
    let (one, mut two) = pair();
    let text = |number: u32| format!("{number:0>1000}");
    for number in 0..2_000 {
        let message = Bytes::from(text(number));
        eventually("there is room", || {
            one.peers.send(NodeId::new(2), Lane::Forward, message.clone()).is_ok()
        });
    }
    for number in 0..2_000 {
        two.expect_message(1, Lane::Forward, text(number).as_bytes());
    }
}

#[test]
fn a_large_message_arrives_whole() {
    let (one, mut two) = pair();
    let message: Bytes = (0..20 * 1024 * 1024_u32).map(|at| at.to_le_bytes()[1]).collect();
    eventually("it is taken", || {
        one.peers.send(NodeId::new(2), Lane::Raft, message.clone()).is_ok()
    });
    assert!(two.message(Lane::Raft).bytes == message);
    let longer: Bytes = vec![0; message.len() + 1].into();
    let sent = one.peers.send(NodeId::new(2), Lane::Raft, longer);
    assert_eq!(sent, Err(NotSent::TooLong));
}

#[test]
fn nothing_is_taken_for_a_node_that_is_not_there() {
    let (mut one, two) = pair();
    let send = |one: &Node, node| one.peers.send(NodeId::new(node), Lane::Raft, Bytes::new());
    assert_eq!(send(&one, 3), Err(NotSent::Down));
    two.kill();
    one.expect_down(2, 1);
    assert_eq!(send(&one, 2), Err(NotSent::Down));
}

#[test]
fn a_node_that_starts_again_is_up_with_its_new_start_number() {
    let (mut one, two) = pair();
    let address = two.address();
    two.kill();
    one.expect_down(2, 1);
    let mut two = Plan { start: 2, address, ..Plan::new(2) }.start();
    two.know(&[&one]);
    one.expect_up(2, 2);
    two.expect_up(1, 1);
    two.send(1, Lane::Raft, b"again");
    let message = one.message(Lane::Raft);
    assert_eq!((message.start, &message.bytes[..]), (StartNumber(2), &b"again"[..]));
}

/// As after a pod moved: the old address goes on answering for a while.
#[test]
fn a_newer_life_ends_the_streams_of_the_one_before() {
    let (mut one, two) = pair();
    let mut newer = Plan { start: 2, ..Plan::new(2) }.start();
    newer.know(&[&one]);
    newer.expect_up(1, 1);
    one.expect_down(2, 1);
    let sent = || two.peers.send(NodeId::new(1), Lane::Raft, Bytes::from_static(b"old")).is_ok();
    eventually("the older life notices", || !sent());
    one.expect_trouble("an older process");
    newer.send(1, Lane::Raft, b"new");
    eventually("only the newer life is heard", || {
        let message = one.message(Lane::Raft);
        message.start == StartNumber(2) && message.bytes == b"new"[..]
    });
}

#[test]
fn seeds_are_dialled_until_they_answer() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("it works")
        .local_addr()
        .expect("it works");
    let seeds = vec![format!("localhost:{}", gone.port())];
    let mut one = Plan { seeds, ..Plan::new(1) }.start();
    one.expect_trouble("could not be read or written");
    let mut two = Plan { address: gone, ..Plan::new(2) }.start();
    one.expect_up(2, 1);
    one.send(2, Lane::Control, b"hello");
    two.expect_message(1, Lane::Control, b"hello");
    let quiet = || one.peers.troubles().iter().all(|(at, _)| *at != gone.to_string());
    eventually("the trouble is over", quiet);
}

#[test]
fn a_name_that_nobody_knows_is_told() {
    let seeds = vec!["no-such-host.invalid:1".to_owned()];
    let one = Plan { seeds, ..Plan::new(1) }.start();
    eventually("the name is in trouble", || {
        one.peers.troubles().iter().any(|(at, _)| at.starts_with("no-such-host.invalid"))
    });
}

#[test]
fn a_node_that_is_its_own_seed_leaves_itself_alone() {
    let mut two = Plan::new(2).start();
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("it works")
        .local_addr()
        .expect("it works");
    let port = address.port();
    let seeds = vec![format!("localhost:{port}"), two.address().to_string()];
    let mut one = Plan { seeds, address, ..Plan::new(1) }.start();
    one.expect_up(2, 1);
    two.know(&[&one]);
    two.expect_up(1, 1);
    assert!(one.inbound.changes.try_recv().is_err(), "it never came up to itself");
}

#[test]
fn what_nobody_takes_fills_its_lane_and_no_other() {
    let two = || Plan { limits: narrow(), ..Plan::new(2) };
    let mut one = Plan { limits: narrow(), ..Plan::new(1) }.start();
    let mut two = two().start();
    one.know(&[&two]);
    one.expect_up(2, 1);
    let send = |lane, byte| {
        let message = Bytes::from(vec![byte; 1_024]);
        one.peers.send(NodeId::new(2), lane, message)
    };
    let mut taken = 0_u64;
    eventually("the lane is full", || match send(Lane::Snapshot, 1) {
        Ok(()) => {
            taken += 1;
            // The kernel's buffers are of some megabytes.
            assert!(taken < 100_000, "nothing bounds the lane");
            false
        }
        Err(refused) => refused == NotSent::Full,
    });
    one.send(2, Lane::Raft, b"urgent");
    two.expect_message(1, Lane::Raft, b"urgent");
    for _ in 0..taken {
        assert_eq!(two.message(Lane::Snapshot).bytes, vec![1; 1_024]);
    }
    eventually("there is room again", || send(Lane::Snapshot, 2) == Ok(()));
    assert_eq!(two.message(Lane::Snapshot).bytes, vec![2; 1_024]);
}

#[test]
fn nodes_of_another_cluster_are_refused() {
    let mut two = Plan { cluster: [9; 16], ..Plan::new(2) }.start();
    let one = Plan { seeds: vec![two.address().to_string()], ..Plan::new(1) }.start();
    one.expect_trouble("it refused this node (code 1)");
    two.know(&[&one]);
    two.expect_trouble("it refused this node (code 1)");
    assert!(two.inbound.changes.try_recv().is_err());
}

#[test]
fn a_copied_data_directory_is_refused() {
    let mut one = Plan::new(1).start();
    let copy = Plan { name: "node-7".to_owned(), ..Plan::new(1) }.start();
    copy.know(&[&one]);
    copy.expect_trouble("a data directory was copied");
    // And so is one that even has the name.
    let twin = Plan { seeds: vec![one.address().to_string()], ..Plan::new(1) }.start();
    twin.expect_trouble("a data directory was copied");

    let two = Plan::new(2).start();
    let nobody = "127.0.0.1:1".to_owned();
    one.peers.know(vec![KnownNode {
        id: NodeId::new(2),
        name: "other".to_owned(),
        address: nobody,
    }]);
    two.know(&[&one]);
    two.expect_trouble("which is node \\\"other\\\"");
    assert!(one.inbound.changes.try_recv().is_err());
}

#[test]
fn without_certificates_only_loopback_will_do() {
    let anywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let exposed = Plan { address: anywhere, ..Plan::new(1) }.try_start().err();
    assert!(matches!(exposed, Some(Error::Exposed(_))), "{exposed:?}");
    let one = Plan { seeds: vec!["192.0.2.1:9".to_owned()], ..Plan::new(1) }.start();
    one.expect_trouble("only loopback is dialled");
    let misnamed = Plan { name: "Node_1".to_owned(), ..Plan::new(1) }.try_start().err();
    assert!(matches!(misnamed, Some(Error::Name(_))), "{misnamed:?}");
    let authority = Authority::new();
    let security = Security::Tls(authority.files(1));
    drop(Plan { address: anywhere, security, ..Plan::new(1) }.start());
}

#[test]
fn a_node_that_is_not_known_any_more_is_let_go() {
    let (mut one, _two) = pair();
    let nobody = "127.0.0.1:1".to_owned();
    one.peers.know(vec![KnownNode {
        id: NodeId::new(3),
        name: "node-3".to_owned(),
        address: nobody,
    }]);
    one.expect_down(2, 1);
}
