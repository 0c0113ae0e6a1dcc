//! Settings from a file's text and variables: accepted ones can be printed and load back
//! equal, refused ones say why, and both come out the same a second time.

use std::fmt::{self, Write as _};
use std::path::Path;

use roomcast::fuzzing::scalars;
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
                printed(&loaded.settings);
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

/// What is printed means the same; lists of tables are written here.
fn printed(settings: &Settings) {
    let mut toml = scalars(settings);
    // Writing to a `String` cannot fail.
    let _ = tables(settings, &mut toml);
    let again = Settings::from_text(Some((Path::new("x.toml"), &toml)), []);
    assert_eq!(outcome(&again), Ok(settings), "{toml}");
}

fn tables(settings: &Settings, toml: &mut String) -> fmt::Result {
    let quoted = |text: &str| serde_json::to_string(text).expect("text");
    for key in &settings.internal.keys {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.word()).collect();
        write!(toml, "[[internal.keys]]\nid = {}\nscopes = {scopes:?}\nsha256 = \"", quoted(&key.id))?;
        for byte in key.sha256.expose() {
            write!(toml, "{byte:02x}")?;
        }
        toml.push_str("\"\n");
    }
    for namespace in &settings.namespaces {
        writeln!(toml, "[[namespaces]]\nname = {}", quoted(&namespace.name))?;
        writeln!(toml, "client_subscribe = {}", namespace.client_subscribe)?;
        writeln!(toml, "client_publish = {}", namespace.client_publish)?;
    }
    Ok(())
}
