//! Which core does what: the server on one, the client on another, so that neither is measured with
//! the other's work.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{Result, io};

/// The cores of this run, by the system's numbers.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Where servers run, ours and the bare ones.
    pub server: usize,
    /// Where the load comes from.
    pub client: usize,
    /// How many this process may use.
    pub count: usize,
}

impl Cores {
    /// The first two cores that this process may use; one for both if there is no second.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None)
            .map_err(|error| io("ask which cores may be used")(error.into()))?;
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        let server = usable.next().unwrap_or(0);
        let client = usable.next().unwrap_or(server);
        let count = allowed.count().try_into().unwrap_or(1);
        Ok(Self { server, client, count })
    }

    /// Runs the calling thread, and what it starts from now on, on the client's core.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn become_client(self) -> Result<()> {
        pin(&[self.client])
    }

    /// Starts something on the server's core: children inherit where their parent runs.
    ///
    /// # Errors
    /// If the system refuses, or `start` fails.
    pub fn on_server<T>(self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        self.elsewhere(&[self.server], start)
    }

    /// Starts something on both cores.
    ///
    /// # Errors
    /// If the system refuses, or `start` fails.
    pub fn on_both<T>(self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        self.elsewhere(&[self.server, self.client], start)
    }

    fn elsewhere<T>(self, cores: &[usize], start: impl FnOnce() -> Result<T>) -> Result<T> {
        pin(cores)?;
        let started = start();
        self.become_client()?;
        started
    }
}

fn pin(cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().for_each(|core| set.set(*core));
    sched_setaffinity(None, &set)
        .map_err(|error| io(format!("run on cores {cores:?}"))(error.into()))
}
