//! The clients that people use, unmodified: boto3 and the AWS CLI.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use stator_e2e::site::{Node, Site};
use tokio::process::Command;

/// How long a scenario may take. The waiters of the clients poll every second at best, the AWS CLI
/// takes a second or two to start, each time.
const LIMIT: Duration = Duration::from_secs(300);

/// The folder with the clients' programs: `STATOR_CLIENTS`, or `.venv/bin` of the repository, where
/// `make clients` puts them.
///
/// # Panics
/// If they are not there: a client that is not tested is a failure, never a skip.
pub(crate) fn client_programs() -> PathBuf {
    let folder = match env::var_os("STATOR_CLIENTS") {
        Some(folder) => PathBuf::from(folder),
        None => repository().join(".venv/bin"),
    };
    assert!(folder.join("aws").is_file(), "no AWS CLI in {}: run `make clients`", folder.display());
    folder
}

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("the crate lies in the repository").to_path_buf()
}

/// Runs a program against a node the way a person would, and returns what it printed.
///
/// # Panics
/// If it fails, with everything that it printed.
pub(crate) async fn run_against(node: &Node, program: &Path, arguments: &[&str]) -> String {
    let programs = client_programs();
    let path = env::join_paths(
        std::iter::once(programs.clone())
            .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
    );
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("PATH", path.expect("no folder has a colon in its name"))
        .env("AWS_ENDPOINT_URL", node.endpoint())
        .env("AWS_ACCESS_KEY_ID", "key")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        // Whatever the person who runs the tests has configured must not matter.
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .kill_on_drop(true);
    let output = tokio::time::timeout(LIMIT, command.output());
    let output = output.await.expect("the scenario ends in time").expect("it can be started");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{} failed:\n{printed}{}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

#[tokio::test]
async fn boto3_works_unmodified() {
    let site = Site::new();
    let node = site.start().await;
    let script = repository().join("e2e/clients/scenario.py");
    let python = client_programs().join("python");
    let printed = run_against(&node, &python, &[&script.to_string_lossy()]).await;
    assert!(printed.trim_end().ends_with("checks passed"), "{printed}");
    site.assert_quiet();
}

#[tokio::test]
async fn the_aws_cli_works_unmodified() {
    let site = Site::new();
    let node = site.start().await;
    let script = repository().join("e2e/clients/scenario.sh");
    let printed = run_against(&node, &script, &[]).await;
    assert!(printed.trim_end().ends_with("checks passed"), "{printed}");
    site.assert_quiet();
}
