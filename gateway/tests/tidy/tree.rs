//! The repository's files: those that git knows or would add.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Folders that a walk without git leaves out; `.gitignore` has them too.
const IGNORED: [&str; 7] = [".git", "target", "node_modules", ".venv", "__pycache__", ".hypothesis", ".make"];

/// One file and its text.
pub(crate) struct File {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    /// Empty for what is not UTF-8.
    pub(crate) text: String,
}

impl File {
    /// A file that only a test knows.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|end| end == "rs")
    }

    /// Whether it is Rust that ends up in a program: not tests (`tests/`, a module
    /// `tests.rs`), benches or fuzz targets.
    pub(crate) fn is_product(&self) -> bool {
        let aside = |name: &str| self.path.split('/').any(|part| part == name);
        self.is_rust() && !["tests", "tests.rs", "benches", "fuzz"].into_iter().any(aside)
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("gateway/ is in the repository")
}

/// All files of the repository.
pub(crate) fn files() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
        let paths = known_to_git().unwrap_or_else(|| walk(root()));
        let read = |path: String| {
            let bytes = std::fs::read(root().join(&path)).ok()?;
            let text = String::from_utf8(bytes).unwrap_or_default();
            Some(File { path, text })
        };
        paths.into_iter().filter_map(read).collect()
    });
    &FILES
}

/// The file of this path.
pub(crate) fn file(path: &str) -> &'static File {
    let found = files().iter().find(|file| file.path == path);
    found.ok_or(path).expect("the file is in the repository")
}

fn known_to_git() -> Option<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let listed = String::from_utf8(listed.stdout).ok()?;
    let paths: Vec<_> = listed.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walk(from: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders: Vec<PathBuf> = vec![from.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                if !IGNORED.iter().any(|name| entry.file_name() == *name) {
                    folders.push(path);
                }
            } else if let Ok(path) = path.strip_prefix(from) {
                paths.push(path.to_string_lossy().into_owned());
            }
        }
    }
    paths
}

#[test]
fn git_and_a_walk_both_find_the_repository() {
    for paths in [walk(root()), known_to_git().unwrap_or_else(|| walk(root()))] {
        for path in ["Cargo.toml", "gateway/src/main.rs", "gateway/tests/tidy/tree.rs"] {
            assert!(paths.iter().any(|found| found == path), "{path}");
        }
    }
    assert!(walk(root()).iter().all(|path| !path.starts_with("target/")));
}

#[test]
fn tests_are_not_product() {
    assert!(File::new("gateway/src/main.rs", "").is_product());
    assert!(File::new("gateway/examples/echo.rs", "").is_product());
    assert!(!File::new("gateway/tests/tidy/main.rs", "").is_product());
    assert!(!File::new("gateway/src/metrics/tests.rs", "").is_product());
    assert!(!File::new("gateway/fuzz/src/frames.rs", "").is_product());
    assert!(!File::new("README.md", "").is_product());
}
