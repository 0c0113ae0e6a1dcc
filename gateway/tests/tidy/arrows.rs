//! The dependency arrows between the packages, and where versions are said.

use crate::assert_none;
use crate::tree::{File, file};

/// (manifest, the packages of the workspace that it may depend on)
const ARROWS: [(&str, &[&str]); 4] = [
    ("gateway/core/Cargo.toml", &[]),
    ("adapter-redis/Cargo.toml", &["roomcast-core"]),
    ("loadtest/Cargo.toml", &["roomcast-core"]),
    ("gateway/Cargo.toml", &["roomcast-core", "roomcast-adapter-redis"]),
];

/// One entry of a manifest's dependency tables.
#[derive(Debug, PartialEq)]
pub(crate) struct Dependency {
    /// The key.
    pub(crate) name: String,
    /// The rest of the line, `.workspace` included.
    pub(crate) says: String,
}

/// The entries of all dependency tables: normal, dev, build, of a target, of the workspace.
pub(crate) fn dependencies(manifest: &str) -> Vec<Dependency> {
    let entry =
        |name: &str, says: &str| Dependency { name: name.trim_matches('"').to_owned(), says: says.trim().to_owned() };
    let mut found = Vec::new();
    let mut in_table = false;
    for line in manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if line.starts_with('[') {
            let table = line.trim_matches(['[', ']']);
            in_table = table.ends_with("dependencies");
            if let Some((_, name)) = table.rsplit_once("dependencies.") {
                found.push(entry(name, "a table of its own"));
            }
        } else if let Some(at) = line.find(['.', '=', ' ']).filter(|_| in_table) {
            let (name, says) = line.split_at(at);
            found.push(entry(name, says));
        }
    }
    found
}

fn arrows(manifest: &File) -> Vec<String> {
    let Some((_, may)) = ARROWS.iter().find(|(path, _)| *path == manifest.path) else {
        return vec!["is no package of the table of arrows".to_owned()];
    };
    let ours = |dependency: &Dependency| {
        dependency.name.starts_with("roomcast")
            || dependency.says.contains("package = \"roomcast")
            || dependency.says.contains("path = ")
    };
    dependencies(&manifest.text)
        .into_iter()
        .filter(|dependency| ours(dependency) && !may.contains(&dependency.name.as_str()))
        .map(|dependency| format!("depends on `{}`; only {may:?} may stand there", dependency.name))
        .collect()
}

fn versions_come_from_the_workspace(manifest: &File) -> Vec<String> {
    dependencies(&manifest.text)
        .into_iter()
        .filter(|dependency| !dependency.says.contains("workspace = true"))
        .map(|dependency| format!("`{}` does not say `workspace = true`", dependency.name))
        .collect()
}

/// The folders of the workspace's members.
fn members(manifest: &str) -> Vec<&str> {
    let list = manifest.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']'));
    let lines = list.map_or("", |(list, _)| list).lines();
    lines.filter_map(|line| line.trim().strip_prefix('"')?.split('"').next()).collect()
}

#[test]
fn manifests_are_read() {
    let text = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# b = \"1\"\nc = { workspace = true }\n\
                [target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n[build-dependencies.e]\npath = \"../e\"\n[lints]\nf = 1\n";
    let names: Vec<_> = dependencies(text).into_iter().map(|dependency| dependency.name).collect();
    assert_eq!(names, ["a", "c", "d", "e"]);
    assert_eq!(
        members("[workspace]\nmembers = [\n    \"a\", # why\n    \"b/c\",\n]\nexclude = [\"d\"]\n"),
        ["a", "b/c"]
    );
}

#[test]
fn packages_depend_only_along_the_arrows() {
    let breaks = |path, line: &str| arrows(&File::new(path, &format!("[dev-dependencies]\n{line}\n"))).len();
    assert_eq!(breaks("gateway/core/Cargo.toml", "roomcast-adapter-redis.workspace = true"), 1);
    assert_eq!(breaks("loadtest/Cargo.toml", "roomcast = { path = \"../gateway\" }"), 1);
    assert_eq!(breaks("loadtest/Cargo.toml", "gw = { workspace = true, package = \"roomcast\" }"), 1);
    assert_eq!(breaks("loadtest/Cargo.toml", "roomcast-core.workspace = true"), 0);
    assert_eq!(breaks("another/Cargo.toml", ""), 1);

    let members = members(&file("Cargo.toml").text);
    assert_eq!(members.len(), ARROWS.len(), "a package without arrows: {members:?}");
    assert_none(ARROWS.iter().map(|(path, _)| file(path)), arrows);
}

#[test]
fn versions_are_said_once() {
    let text = "[dependencies]\na = \"1\"\nb.workspace = true\nc = { workspace = true, features = [\"x\"] }\n";
    assert_eq!(versions_come_from_the_workspace(&File::new("x/Cargo.toml", text)).len(), 1);

    assert_none(ARROWS.iter().map(|(path, _)| file(path)), versions_come_from_the_workspace);
}
