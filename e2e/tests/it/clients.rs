//! The clients that people use, unmodified: the AWS SDKs for Python, JavaScript, Java and Go, and the
//! AWS CLI. Each runs a program of `e2e/clients` against a node, and the programs do much the same.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io};

use stator_e2e::site::{Node, Site};
use tokio::process::Command;

/// How long a scenario may take. The waiters of some clients poll every second at best, the AWS CLI
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
    let (printed, _complaints) = output_against(node, program, arguments).await;
    printed
}

/// The same, and what it printed to standard error.
async fn output_against(node: &Node, program: &Path, arguments: &[&str]) -> (String, String) {
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
        // The older clients know the first name, the newer ones the second.
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_REGION", "us-east-1")
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
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} failed:\n{printed}{complaints}", program.display());
    (printed, complaints)
}

/// Runs a scenario against a new node: it must say that its checks passed, and the node nothing.
/// Returns what it printed to standard error.
///
/// # Panics
/// If not.
async fn assert_scenario(program: &Path, arguments: &[&str]) -> String {
    let site = Site::new();
    let node = site.start().await;
    let (printed, complaints) = output_against(&node, program, arguments).await;
    assert!(printed.trim_end().ends_with("checks passed"), "{printed}{complaints}");
    site.assert_quiet();
    complaints
}

/// The folder where `make clients` has built the scenario of a language. None if this machine has not
/// the tools of that language, which is said on standard error.
///
/// # Panics
/// If it was not built from the sources of now, or lacks its tools with `CI=true`: then a client that
/// is not tested is a failure.
fn built(language: &str) -> Option<PathBuf> {
    let folder = repository().join("target/clients").join(language);
    if let Ok(reason) = fs::read_to_string(folder.join("missing")) {
        assert!(env::var("CI").as_deref() != Ok("true"), "{reason}");
        // Straight to the stream: what a test prints is hidden when it passes.
        let _written = write!(io::stderr().lock(), "skipped: {reason}");
        return None;
    }
    let sources = repository().join("e2e/clients").join(language);
    for source in fs::read_dir(&sources).expect("the scenario has a folder") {
        let source = source.expect("the folder can be read").path();
        let copy = folder.join(source.file_name().expect("a file has a name"));
        let same = fs::read(&copy).ok() == fs::read(&source).ok();
        assert!(same, "{} is not what was built: run `make clients`", source.display());
    }
    Some(folder)
}

#[tokio::test]
async fn boto3_works_unmodified() {
    let script = repository().join("e2e/clients/scenario.py");
    let python = client_programs().join("python");
    assert_scenario(&python, &[&script.to_string_lossy()]).await;
}

#[tokio::test]
async fn the_aws_cli_works_unmodified() {
    assert_scenario(&repository().join("e2e/clients/scenario.sh"), &[]).await;
}

#[tokio::test]
async fn the_aws_sdk_for_javascript_works_unmodified() {
    let Some(folder) = built("javascript") else { return };
    let script = folder.join("scenario.js");
    assert_scenario(Path::new("node"), &[&script.to_string_lossy()]).await;
}

#[tokio::test]
async fn the_aws_sdk_for_java_works_unmodified() {
    let Some(folder) = built("java") else { return };
    let classes = env::join_paths([folder.join("classes"), folder.join("lib/*")]);
    let classes = classes.expect("no folder has a colon in its name");
    let classes = classes.to_string_lossy();
    assert_scenario(Path::new("java"), &["-classpath", &classes, "Scenario"]).await;
}

#[tokio::test]
async fn the_aws_sdk_for_go_works_unmodified() {
    let Some(folder) = built("go") else { return };
    let complaints = assert_scenario(&folder.join("scenario"), &[]).await;
    // A wrong checksum of an answer is a warning of this SDK, not an error.
    assert_eq!(complaints, "");
}
