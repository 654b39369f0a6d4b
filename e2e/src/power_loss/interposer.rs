//! The interposed library, built with the system's C compiler.

use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/power-loss/interpose.c");

/// The library, ready to be preloaded.
#[derive(Clone, Debug)]
pub struct Interposer {
    library: PathBuf,
}

/// What a program is to be traced with.
#[derive(Clone, Debug)]
pub struct Tracing {
    /// The directory whose files are watched. Nothing of its path may be a symbolic link.
    pub directory: PathBuf,
    /// Where the trace is appended.
    pub trace: PathBuf,
    /// After how many records the process kills itself, if at all.
    pub kill_after: Option<u64>,
}

impl Interposer {
    /// Builds the library in this folder.
    ///
    /// # Panics
    /// If there is no compiler, or it complains.
    pub fn build(folder: &Path) -> Self {
        let library = folder.join("interpose.so");
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([library.as_path(), Path::new(SOURCE)])
            .output()
            .expect("there is a C compiler");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the interposed library cannot be built:\n{complaint}");
        Self { library }
    }

    /// The environment in which a program is traced.
    pub fn environment(&self, tracing: &Tracing) -> Vec<(&'static str, PathBuf)> {
        let mut variables = vec![
            ("LD_PRELOAD", self.library.clone()),
            ("STATOR_TRACE_DIR", tracing.directory.clone()),
            ("STATOR_TRACE_FILE", tracing.trace.clone()),
        ];
        if let Some(records) = tracing.kill_after {
            variables.push(("STATOR_TRACE_KILL_AFTER", PathBuf::from(records.to_string())));
        }
        variables
    }
}
