//! What can go wrong while measuring. Any of it ends the run: half a measurement is none.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// A measurement that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, a socket or a process refused.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// There is no binary to measure.
    #[error("no binary at {path}: build it with `cargo build --release`, or name one with --node")]
    NoBinary {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A child ended or stayed silent instead of serving.
    #[error("{program} does not serve: {why}; its log: {log}")]
    NotServing {
        /// Which child.
        program: String,
        /// What happened instead.
        why: &'static str,
        /// Where its standard error went.
        log: PathBuf,
    },
    /// A child's output is not what it must be.
    #[error("{program} printed what cannot be understood: {text:?}")]
    Output {
        /// Which child.
        program: String,
        /// What it printed.
        text: String,
    },
    /// The other side does not speak HTTP as it must.
    #[error("not an HTTP reply: {0}")]
    Http(&'static str),
    /// A reply is not the right one. A fast wrong answer is not measured.
    #[error("wrong reply to {operation}: status {status}, {why}: {body}")]
    WrongReply {
        /// Which operation.
        operation: &'static str,
        /// The reply's status.
        status: u16,
        /// What is wrong.
        why: &'static str,
        /// The beginning of the reply's body.
        body: String,
    },
    /// fjall, as a bare denominator, refused.
    #[error("the bare store failed")]
    Fjall(#[from] fjall::Error),
    /// The process table says something unexpected.
    #[error("cannot understand {path}")]
    ProcessTable {
        /// Which file of it.
        path: String,
    },
    /// There is no such figure.
    #[error("there is no figure {name:?}; `stator-bench list` says which there are")]
    NoFigure {
        /// What was asked for.
        name: String,
    },
    /// Something did not happen in time.
    #[error("{what} did not happen within {seconds} s")]
    TooLong {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        seconds: u64,
    },
    /// Results cannot be written as JSON.
    #[error("results cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// What most things here return.
pub type Result<T> = std::result::Result<T, Error>;

/// Makes an [`Error::Io`] that says what was tried.
pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
    let what = what.into();
    move |source| Error::Io { what, source }
}

/// An error with its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
