//! Where the project and its binaries are.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder above `tests/`: the root of the workspace.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the project")
}

/// The daemon of this name beside the test's own binary. The first call lets cargo build all three.
///
/// A daemon's own integration tests need no build: they have `env!("CARGO_BIN_EXE_ws-server")`.
pub fn binary(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(build).join(name)
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/test").to_path_buf();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(project());
    if folder.ends_with("release") {
        command.arg("--release");
    }
    assert!(command.status().expect("run cargo").success(), "the daemons build");
    folder
}
