//! The harness of the end-to-end tests: it starts the real `stator-node`, kills it, starts it again
//! on the same files, and talks to it with the AWS SDK.
//!
//! It owns processes and temporary directories, nothing else: what a test expects of the database
//! stands in the test, or in [`oracle`], which shares no code with the server. When a test fails,
//! the log of every process that ran on its files is printed and the files are kept.

pub mod client;
pub mod oracle;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod power_loss;
pub mod random;
pub mod run;
pub mod site;
pub mod tap;
pub mod wait;
