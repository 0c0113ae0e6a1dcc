//! Settings from a file's text and variables: accepted ones can be printed and load back
//! equal, refused ones say why, and both come out the same a second time.

use std::fmt::Write as _;
use std::path::Path;

use roomcast::settings::{ENV_PREFIX, Loaded, Settings, SettingsError};

use super::tools;

/// See the module.
pub fn check(data: &[u8]) -> bool {
    let Some((choice, data)) = data.split_first() else {
        return false;
    };
    let path = Path::new(if choice & 1 == 0 { "x.toml" } else { "x.yaml" });
    let mut parts = data.split(|byte| *byte == 0xFF);
    let text = tools::text(parts.next().unwrap_or_default());
    let env: Vec<(String, String)> = parts
        .filter_map(|pair| tools::text(pair).split_once('='))
        .map(|(name, value)| (format!("{ENV_PREFIX}{name}"), value.to_owned()))
        .collect();

    let loaded = Settings::from_text(Some((path, text)), env.clone());
    if choice & 2 != 0 {
        assert_eq!(outcome(&loaded), outcome(&Settings::from_text(Some((path, text)), env)), "the same again");
    }
    match loaded {
        Ok(loaded) => {
            if choice & 4 == 0 {
                printed(&loaded);
            }
            true
        }
        Err(error) => {
            explained(&error);
            false
        }
    }
}

fn outcome(loaded: &Result<Loaded, SettingsError>) -> Result<&Settings, &SettingsError> {
    loaded.as_ref().map(|loaded| &loaded.settings)
}

fn explained(error: &SettingsError) {
    let text = error.to_string();
    assert!(!error.problems().is_empty());
    for problem in error.problems() {
        let problem = problem.to_string();
        assert!(!problem.is_empty() && text.contains(&problem), "{text}");
    }
}

/// What `print-config` prints means the same, once the secrets are put back.
fn printed(loaded: &Loaded) {
    let mut digests = loaded.settings.internal.keys.iter().map(|key| key.sha256.expose());
    let mut toml = String::new();
    for line in loaded.to_toml().lines() {
        // No value goes over a line, so that none is taken for this.
        match line.strip_prefix("sha256 = \"…\"").and_then(|_| digests.next()) {
            Some(digest) => {
                toml.push_str("sha256 = \"");
                for byte in digest {
                    // Writing to a `String` cannot fail.
                    let _ = write!(toml, "{byte:02x}");
                }
                toml.push('"');
            }
            None => toml.push_str(line),
        }
        toml.push('\n');
    }
    let again = Settings::from_text(Some((Path::new("x.toml"), &toml)), []);
    assert_eq!(outcome(&again), Ok(&loaded.settings), "{toml}");
}
