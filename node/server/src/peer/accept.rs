//! The peer port: streams that others have dialled. They bring messages; what goes back is beats.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::frame::{BEAT_TIME, Broken, Sequence, read_head, read_message};
use super::hello::{self, Hello};
use super::stream::Stream;
use super::{Lane, Message, Shared};

/// How long to wait when the host is out of something that accepting needs.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes streams, for ever.
pub(super) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let strangers = Arc::new(Semaphore::new(shared.limits.strangers));
    let mut streams = JoinSet::new();
    loop {
        let Ok(room) = Arc::clone(&strangers).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((tcp, address)) => {
                streams.spawn(serve(Arc::clone(&shared), tcp, address, room));
            }
            Err(error) => {
                tracing::warn!(%error, "the peer port cannot take a stream");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while streams.try_join_next().is_some() {}
    }
}

async fn serve(
    shared: Arc<Shared>,
    tcp: TcpStream,
    address: SocketAddr,
    room: OwnedSemaphorePermit,
) {
    let greeted = timeout(shared.limits.hello_time, greet(&shared, tcp)).await;
    drop(room);
    let (stream, mine, theirs) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err(error)) => return refused(&shared, address, &error.to_string()),
        Err(_) => return refused(&shared, address, "it did not say hello in time"),
    };
    let Ok(admitted) = shared.registry.admit(&theirs) else { return };
    let (node, lane) = (theirs.node, theirs.lane);
    tokio::select! {
        Err(broken) = receive(&shared, stream, &mine, &theirs) => {
            tracing::debug!(%node, %lane, error = %broken, "a stream has ended");
        }
        _ = admitted.replaced => {
            tracing::debug!(%node, %lane, "a stream was replaced by a newer one");
        }
    }
    shared.registry.leave(&theirs, admitted.stream);
}

/// Says so once for each reason and host: whoever knocks may knock often.
fn refused(shared: &Shared, address: SocketAddr, error: &str) {
    if shared.registry.stranger(address.ip(), error.to_owned()) {
        tracing::warn!(%address, error, "a stream to the peer port was refused");
    }
}

async fn greet(shared: &Shared, tcp: TcpStream) -> Result<(Stream, Hello, Hello), hello::Error> {
    let mut stream = Stream::accept(shared, tcp).await?;
    let theirs = hello::read(&mut stream.bytes).await?;
    let mine = shared.hello(theirs.lane);
    if let Err(refusal) = stream.check(shared, &mine, &theirs) {
        hello::refuse(&mut stream.bytes, &refusal).await;
        return Err(refusal.into());
    }
    hello::write(&mut stream.bytes, &mine).await?;
    Ok((stream, mine, theirs))
}

/// Hands on what comes until the stream ends; meanwhile says that this node lives.
async fn receive(
    shared: &Shared,
    stream: Stream,
    mine: &Hello,
    theirs: &Hello,
) -> Result<(), Broken> {
    let lane = theirs.lane.number();
    let mut incoming = Sequence::new(&theirs.draw, &mine.draw, lane);
    let outgoing = Sequence::new(&mine.draw, &theirs.draw, lane);
    let (mut reader, writer) = tokio::io::split(stream.bytes);
    let receiving = async {
        loop {
            receive_one(shared, &mut reader, &mut incoming, theirs).await?;
        }
    };
    tokio::select! {
        ended = receiving => ended,
        ended = beat(writer, outgoing) => ended,
    }
}

async fn receive_one(
    shared: &Shared,
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
    incoming: &mut Sequence,
    theirs: &Hello,
) -> Result<(), Broken> {
    let lane: Lane = theirs.lane;
    let head = read_head(reader, incoming, shared.limits.lanes.of(lane).message_bytes).await?;
    // Room first: what nobody takes is not read, and the sender's queue fills up.
    let door = shared.registry.door(lane);
    let room = door.room(head.length()).await;
    let bytes = read_message(reader, incoming, &head).await?;
    let message = Message { from: theirs.node, start: theirs.start, bytes, _room: room };
    door.sender.send(message).await.map_err(|_| Broken::Closed)
}

async fn beat(mut writer: impl AsyncWrite + Unpin, mut sequence: Sequence) -> Result<(), Broken> {
    let mut out = BytesMut::new();
    loop {
        tokio::time::sleep(BEAT_TIME).await;
        out.clear();
        sequence.beat(&mut out);
        writer.write_all(&out).await?;
        writer.flush().await?;
    }
}
