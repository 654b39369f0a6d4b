//! The command line of `stator-node`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Where data goes unless the command line says otherwise.
const DEFAULT_DATA: &str = "./stator-data";

/// A storage node of Stator, the DynamoDB-compatible database.
#[derive(Debug, Parser)]
#[command(name = "stator-node", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What `stator-node` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a cluster of one in this process, for development and tests
    ///
    /// Speaks the DynamoDB API over plain HTTP and accepts any credentials, hence on loopback only.
    /// What is acknowledged is on disk, and is there again at the next start with the same --data.
    #[command(after_help = EXAMPLES)]
    Dev(Box<Dev>),
    /// Print the version
    Version,
}

const EXAMPLES: &str = "\
Examples:
  stator-node dev
  stator-node dev --data /var/tmp/shop --listen 127.0.0.1:8001
  stator-node dev --manifests ./tables                # tables from ./tables/*.yaml
  stator-node dev --in-memory --listen 127.0.0.1:0    # tests: any free port, nothing kept

Then, with any access key:
  aws dynamodb list-tables --endpoint-url http://127.0.0.1:8000 --region us-east-1";

/// Options of `stator-node dev`.
#[derive(Clone, Debug, Args)]
pub struct Dev {
    /// Address and port for clients; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDR", default_value_t = loopback(8000))]
    pub listen: SocketAddr,

    /// Directory that holds the data; made if missing [default: ./stator-data]
    #[arg(long, value_name = "DIR", conflicts_with = "in_memory")]
    data: Option<PathBuf>,

    /// Keep nothing: all data is gone when the process ends
    #[arg(long)]
    in_memory: bool,

    /// Tables to have: a file of Table manifests, or a folder of them; may be given several times
    ///
    /// A manifest is what `kubectl apply` takes: apiVersion stator.dev/v1alpha1, kind Table. Of a
    /// folder, *.yaml, *.yml and *.json are read, in the order of their names, not what is deeper.
    /// Missing tables are created, and are there before the node serves. The files are watched: what
    /// changes in them changes the tables, as far as a table can be changed; a document that is taken
    /// out leaves its table to the API. Until then CreateTable and DeleteTable refuse the table.
    #[arg(long, value_name = "FILE|DIR")]
    pub manifests: Vec<PathBuf>,

    /// Let manifests only create the tables that are missing, and leave them to the API from then on
    #[arg(long, requires = "manifests")]
    pub manifests_seed_only: bool,

    /// Address and port for /healthz, /readyz and /metrics; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDR", default_value_t = loopback(0))]
    pub admin_listen: SocketAddr,

    /// The AWS region to answer as, in ARNs and texts
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    pub region: String,

    /// Listen on addresses that other machines can reach, although anybody there may then read and
    /// change everything
    #[arg(long)]
    pub insecure_listen_anywhere: bool,

    /// How log lines on stderr look. RUST_LOG chooses which ones there are (default: info)
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where a node keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In this directory.
    Directory(PathBuf),
    /// Nowhere.
    Memory,
}

impl Dev {
    /// Where the data goes.
    pub fn storage(&self) -> Storage {
        match &self.data {
            _ if self.in_memory => Storage::Memory,
            Some(path) => Storage::Directory(path.clone()),
            None => Storage::Directory(PathBuf::from(DEFAULT_DATA)),
        }
    }

    /// The first address that other machines could reach although nobody allowed it, with its option.
    pub fn exposed(&self) -> Option<(&'static str, SocketAddr)> {
        [("--listen", self.listen), ("--admin-listen", self.admin_listen)]
            .into_iter()
            .find(|(_, address)| !self.insecure_listen_anywhere && !address.ip().is_loopback())
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// Regions stand in ARNs and in texts, so they are held to the characters of AWS's.
fn region(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > 32 || !text.bytes().all(allowed) {
        return Err("1 to 32 of a-z, 0-9 and '-', such as us-east-1 or local");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[track_caller]
    fn dev(arguments: &[&str]) -> Result<Dev, clap::error::ErrorKind> {
        let line = ["stator-node", "dev"].iter().chain(arguments);
        match Cli::try_parse_from(line).map_err(|error| error.kind())?.command {
            Command::Dev(dev) => Ok(*dev),
            Command::Version => panic!("not dev"),
        }
    }

    #[test]
    fn definitions_hold_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_loopback_and_a_directory_here() {
        let dev = dev(&[]).expect("no option is required");
        assert_eq!(dev.listen, "127.0.0.1:8000".parse().expect("valid"));
        assert_eq!(dev.storage(), Storage::Directory(PathBuf::from("./stator-data")));
        assert_eq!(dev.region, "us-east-1");
        assert_eq!(dev.exposed(), None);
    }

    #[test]
    fn data_and_in_memory_exclude_each_other() {
        let kept = dev(&["--data", "/x"]).expect("valid");
        assert_eq!(kept.storage(), Storage::Directory(PathBuf::from("/x")));
        assert_eq!(dev(&["--in-memory"]).expect("valid").storage(), Storage::Memory);
        let both = dev(&["--in-memory", "--data", "/x"]);
        assert_eq!(both.err(), Some(clap::error::ErrorKind::ArgumentConflict));
    }

    #[test]
    fn manifests_may_be_given_several_times_and_only_seed_if_there_are_any() {
        let all = dev(&["--manifests", "a", "--manifests", "b.yaml"]).expect("valid");
        assert_eq!(all.manifests, [PathBuf::from("a"), PathBuf::from("b.yaml")]);
        assert!(!all.manifests_seed_only);
        assert!(
            dev(&["--manifests", "a", "--manifests-seed-only"]).expect("valid").manifests_seed_only
        );
        let none = dev(&["--manifests-seed-only"]);
        assert_eq!(none.err(), Some(clap::error::ErrorKind::MissingRequiredArgument));
    }

    #[test]
    fn other_machines_are_let_in_only_by_name() {
        let listen = dev(&["--listen", "0.0.0.0:8000"]).expect("valid");
        assert_eq!(listen.exposed().map(|(option, _)| option), Some("--listen"));
        let admin = dev(&["--admin-listen", "192.168.0.1:80"]).expect("valid");
        assert_eq!(admin.exposed().map(|(option, _)| option), Some("--admin-listen"));
        let allowed = dev(&["--listen", "0.0.0.0:8000", "--insecure-listen-anywhere"]);
        assert_eq!(allowed.expect("valid").exposed(), None);
        assert_eq!(dev(&["--listen", "[::1]:8000"]).expect("valid").exposed(), None);
    }

    #[test]
    fn regions_are_plain_names() {
        assert_eq!(dev(&["--region", "local"]).expect("valid").region, "local");
        for bad in ["", "US", "a b", "a\n", &"a".repeat(33)] {
            assert!(dev(&["--region", bad]).is_err(), "{bad:?}");
        }
    }
}
