//! The client port and the admin port from outside: a real server on a free port, raw sockets.

mod admin;
mod bodies;
mod hostile;
mod lifetime;
mod lives;
mod metrics;
mod peer;
mod process;
mod replies;
mod stop;
mod support;
