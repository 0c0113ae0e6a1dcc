//! The generated pages of `docs/` are those of the code. This test never writes.

use std::path::Path;

use roomcast::settings::Settings;

fn top() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn generated_pages_are_up_to_date() {
    for page in roomcast::docs::pages() {
        let tracked = std::fs::read_to_string(top().join(page.path)).unwrap_or_default();
        let line = tracked.lines().zip(page.text.lines()).position(|(old, new)| old != new);
        let line = line.unwrap_or_else(|| tracked.lines().count().min(page.text.lines().count())) + 1;
        assert!(
            tracked == page.text,
            "{} is not what the code says, from line {line} on: run `make docs-write`",
            page.path
        );
    }
}

#[test]
fn the_example_file_loads_and_equals_the_defaults() {
    let path = top().join("docs/roomcast.example.toml");
    let loaded = Settings::load(Some(&path), []).expect("it loads");
    assert_eq!(loaded.settings, Settings::default());
}

#[test]
fn the_example_file_has_every_setting() {
    let path = top().join("docs/roomcast.example.toml");
    let loaded = Settings::load(Some(&path), []).expect("it loads");
    let page = roomcast::settings::reference::configuration();
    let documented = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    for key in documented.filter(|key| !key.starts_with("internal.keys[]")) {
        let key = key.replace("[]", "[0]");
        assert!(loaded.set.contains_key(&key), "{key}");
    }
}
