//! Sources, their order, and every rule, by the words an operator sees.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::settings::{AdapterKind, LogFormat, Mode, OriginRule, Scope};

mod joined;
mod rules;

/// A settings file that goes away with the test.
pub(in crate::settings) struct Written(pub(in crate::settings) PathBuf);

impl Written {
    pub(in crate::settings) fn new(extension: &str, text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("roomcast-settings-{}-{n}.{extension}", std::process::id()));
        std::fs::write(&path, text).expect("writable");
        Self(path)
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(in crate::settings) fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn from_env(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    load(None, env(pairs)).map(|loaded| loaded.settings)
}

fn from_toml(text: &str) -> Result<Settings, SettingsError> {
    let file = Written::new("toml", text);
    load(Some(&file.0), []).map(|loaded| loaded.settings)
}

/// The problems as texts, with `FILE` for the file's path.
fn problems_of(text: &str) -> Vec<String> {
    let file = Written::new("toml", text);
    let error = load(Some(&file.0), []).expect_err("a problem");
    let path = file.0.display().to_string();
    error.problems().iter().map(|problem| problem.to_string().replace(&path, "FILE")).collect()
}

fn env_problems(pairs: &[(&str, &str)]) -> Vec<String> {
    from_env(pairs).expect_err("a problem").problems().iter().map(ToString::to_string).collect()
}

#[test]
fn with_nothing_set_the_defaults_hold() {
    let loaded = load(None, env(&[("PATH", "/bin"), ("ROOMCAST_PORT", "tcp://10.0.0.1:80")])).expect("defaults");
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!((loaded.file, loaded.set.len()), (None, 0));
    let settings = loaded.settings;
    assert_eq!(settings.public.address.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.internal.address.to_string(), "127.0.0.1:9090");
    assert_eq!((settings.socket_io.ping_interval_ms, settings.socket_io.ping_timeout_ms), (25_000, 20_000));
    assert_eq!((settings.limits.message_bytes_max, settings.limits.outbox_bytes_max), (1_000_000, 1_048_576));
    assert_eq!(settings.namespaces.len(), 1);
    assert_eq!((settings.adapter.kind, settings.log.format), (AdapterKind::Memory, LogFormat::Auto));
    assert_eq!(settings.mode(), Mode::Open);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = Written::new("toml", "[limits]\nconnections_max = 5\nheaders_max = 20\n[log]\nlevel = \"warn\"\n");
    let loaded = load(Some(&file.0), env(&[("ROOMCAST__LIMITS__CONNECTIONS_MAX", "7")])).expect("valid");
    let limits = &loaded.settings.limits;
    assert_eq!((limits.connections_max, limits.headers_max, limits.batch_items_max), (7, 20, 1000));
    assert_eq!(loaded.settings.log.level, "warn");
    let variable = Place::Environment("ROOMCAST__LIMITS__CONNECTIONS_MAX".into());
    assert_eq!(loaded.set.get("limits.connections_max"), Some(&variable));
    assert_eq!(loaded.set.get("limits.headers_max"), Some(&Place::File { path: file.0.clone(), line: Some(3) }));
    assert_eq!(loaded.set.get("limits.batch_items_max"), None);
}

/// Found by fuzzing: such a key was a list of so many elements, and the process out of memory.
#[test]
fn a_key_is_a_name_and_never_a_path() {
    for key in ["namespaces[99999999999999]", "log.level", "a[0]", "x[-1].y"] {
        let problems = problems_of(&format!("{key:?} = 1\n"));
        assert!(
            problems.len() == 1 && problems[0].starts_with(&format!("unknown key {key:?} in FILE")),
            "{problems:?}"
        );
    }
}

#[test]
fn yaml_says_the_same_as_toml() {
    let yaml = Written::new(
        "yaml",
        "public:\n  origins: ['https://a.example.com']\nauth:\nnamespaces:\n  - name: /\n  - name: /chat\n    client_publish: true\n",
    );
    let toml = "[public]\norigins = ['https://a.example.com']\n[[namespaces]]\n[[namespaces]]\nname = '/chat'\nclient_publish = true\n";
    let settings = load(Some(&yaml.0), []).expect("valid").settings;
    assert_eq!(settings, from_toml(toml).expect("valid"));
    assert_eq!(settings.namespaces[1].name, "/chat");
    assert!(settings.namespaces[1].client_publish && !settings.namespaces[0].client_publish);
}

#[test]
fn the_command_line_names_the_file_and_the_variable_does_so_otherwise() {
    let (one, other) = (Written::new("toml", "[node]\nname='one'"), Written::new("yml", "node: {name: other}"));
    let variable = env(&[(ENV_CONFIG, &other.0.display().to_string())]);
    let loaded = load(Some(&one.0), variable.clone()).expect("valid");
    assert_eq!((loaded.settings.node.name.as_str(), loaded.file), ("one", Some(one.0.clone())));
    assert_eq!(load(None, variable).expect("valid").settings.node.name, "other");
    assert_eq!(load(None, env(&[(ENV_CONFIG, "")])).expect("valid").file, None);
}

#[test]
fn a_file_that_cannot_be_used_is_named() {
    let missing = load(Some(Path::new("/nonexistent/rc.toml")), []).expect_err("no file");
    assert!(missing.to_string().contains("/nonexistent/rc.toml: cannot be read: No such file"), "{missing}");
    let kind = load(Some(Path::new("rc.json")), []).expect_err("no such format");
    assert!(kind.to_string().contains("rc.json: a settings file ends in .toml, .yaml or .yml"));
    for (text, line) in [("[limits]\nconnections_max = = 3\n", 2), ("[[internal.keys]]\n\nsha256 = 'hunter2", 3)] {
        let broken = problems_of(text);
        assert!(broken.len() == 1 && broken[0].starts_with("FILE: "), "{broken:?}");
        assert!(broken[0].contains(&format!("line {line}")) && !broken[0].contains('\n'), "{broken:?}");
        assert!(!broken[0].contains("hunter2"), "{broken:?}");
    }
    for text in ["a: [1\n", "internal:\n  keys:\n  - sha256: \"hunter2\n"] {
        let yaml = Written::new("yaml", text);
        let error = load(Some(&yaml.0), []).expect_err("broken");
        assert!(
            matches!(error.problems(), [Problem::File { .. }]) && !error.to_string().contains("hunter2"),
            "{error}"
        );
    }
}

#[test]
fn a_file_is_regular_of_bounded_size_and_without_aliases() {
    let why = |file: &Written| {
        let error = load(Some(&file.0), []).expect_err("refused").to_string();
        error.replace(&file.0.display().to_string(), "FILE")
    };
    let most = SETTINGS_BYTES_MAX as usize;
    let file = |length: usize| Written::new("toml", &"#".repeat(length));
    assert_eq!(load(Some(&file(most).0), []).expect("as much as there may be").settings, Settings::default());
    assert!(why(&file(most + 1)).contains("FILE: a settings file has at most 1048576 bytes"));
    let device = file(0);
    std::fs::remove_file(&device.0).expect("removed");
    std::os::unix::fs::symlink("/dev/zero", &device.0).expect("a link");
    assert!(why(&device).contains("FILE: cannot be read: it is not a regular file"));
    // Written out it is 9^20 words: the parser must never see it.
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for i in 1..=20 {
        let aliases = vec![format!("*a{}", i - 1); 9].join(",");
        bomb.extend([format!("a{i}: &a{i} [{aliases}]\n")]);
    }
    assert!(why(&Written::new("yaml", &bomb)).contains("FILE: line 2: aliases such as *a0 are not read"));
    for (extension, text) in [("toml", "\u{feff}[node]\nname = 'a'"), ("yaml", "\u{feff}node:\n  name: a\n")] {
        assert_eq!(load(Some(&Written::new(extension, text).0), []).expect("marked").settings.node.name, "a");
    }
}

#[test]
fn an_unknown_key_names_the_key_the_place_and_the_nearest_key() {
    let text = "[limits]\nconections_max = 1\n[pubic]\naddress = 'x'\n[public]\nconnections_max = 2\n[[namespaces]]\nnam = '/'\n";
    assert_eq!(
        problems_of(text),
        [
            r#"unknown key "public.connections_max" in FILE:6: the nearest valid key is "limits.connections_max""#,
            r#"unknown key "limits.conections_max" in FILE:2: the nearest valid key is "limits.connections_max""#,
            r#"unknown key "namespaces[0].nam" in FILE:8: the nearest valid key is "namespaces[0].name""#,
            r#"unknown key "pubic" in FILE:3: the nearest valid key is "public""#,
        ]
    );
    assert_eq!(
        env_problems(&[("ROOMCAST__LIMITS__CONECTIONS_MAX", "1"), ("ROOMCAST__LOG", "debug")]),
        [
            "unknown key \"limits.conections_max\" in environment variable ROOMCAST__LIMITS__CONECTIONS_MAX: \
             the nearest valid key is ROOMCAST__LIMITS__CONNECTIONS_MAX",
            "unknown key \"log\" in environment variable ROOMCAST__LOG: no valid key is near; log has format, level",
        ]
    );
    let odd = env_problems(&[("ROOMCAST__LIMITS[0]__A.B", "1"), ("ROOMCAST__", "")]);
    assert!(odd.len() == 2 && odd.iter().all(|problem| problem.starts_with("unknown key")), "{odd:?}");
}

#[test]
fn a_value_of_the_wrong_type_names_the_key_the_place_and_the_type() {
    let text = "log = 3\n[limits]\nconnections_max = \"many\"\nheaders_max = 20.5\nbatch_items_max = -1\n\
                [socket_io]\npolling = \"yes\"\npath = 7\n[public]\naddress = \"localhost:80\"\norigins = \"x\"\n\
                [auth]\nanonymous = 1\n";
    assert_eq!(
        problems_of(text),
        [
            "public.address in FILE:10: expected an IP address and a port, such as \"127.0.0.1:8080\", found the text \"localhost:80\"",
            "public.origins in FILE:11: expected a list of origins, such as [\"https://app.example.com\"], found the text \"x\"",
            "socket_io.path in FILE:8: expected text, found the number 7",
            "socket_io.polling in FILE:7: expected true or false, found the text \"yes\"",
            "limits.connections_max in FILE:3: expected a whole number, found the text \"many\"",
            "limits.batch_items_max in FILE:5: expected a whole number, found the number -1",
            "limits.headers_max in FILE:4: expected a whole number, found the number 20.5",
            "auth.anonymous in FILE:13: expected true or false, found the number 1",
            "log in FILE:1: expected a table, found a number",
        ]
    );
    assert_eq!(
        env_problems(&[("ROOMCAST__LIMITS__CONNECTIONS_MAX", "1e3"), ("ROOMCAST__AUTH__ANONYMOUS", "on")]),
        [
            "limits.connections_max in environment variable ROOMCAST__LIMITS__CONNECTIONS_MAX: \
             expected a whole number, found the text \"1e3\"",
            "auth.anonymous in environment variable ROOMCAST__AUTH__ANONYMOUS: expected true or false, found the text \"on\"",
        ]
    );
}

#[test]
fn the_environment_has_text_only_and_text_stays_as_it_is() {
    let settings = from_env(&[
        ("ROOMCAST__NODE__NAME", "0123"),
        ("ROOMCAST__NODE__SHARDS", " 4 "),
        ("ROOMCAST__SOCKET_IO__POLLING", "false"),
        ("ROOMCAST__PUBLIC__ADDRESS", "[::1]:0"),
        ("ROOMCAST__PUBLIC__ORIGINS", "https://a.example.com, https://*.example.org,"),
    ])
    .expect("valid");
    assert_eq!((settings.node.name.as_str(), settings.node.shards), ("0123", 4));
    assert!(!settings.socket_io.polling && settings.public.address.ip().is_loopback());
    let covered = ["https://a.example.com", "https://b.example.org", "https://b.example.com"];
    let covers = |origin: &str| settings.public.origins.iter().any(|rule| rule.covers(origin));
    assert_eq!(covered.map(covers), [true, true, false]);
    assert_eq!(from_env(&[("ROOMCAST__PUBLIC__ORIGINS", "")]).expect("valid").public.origins, []);
    assert_eq!(from_env(&[("ROOMCAST__PUBLIC__ORIGINS", "*")]).expect("valid").public.origins, [OriginRule::Any]);
    assert_eq!(
        env_problems(&[("ROOMCAST__PUBLIC__ORIGINS", "https://a.example.com/")]),
        ["public.origins in environment variable ROOMCAST__PUBLIC__ORIGINS: \"https://a.example.com/\": \
          an origin is \"scheme://host[:port]\" without a path, or \"*\" for any"]
    );
}

#[test]
fn lists_of_tables_are_for_the_file() {
    for name in ["ROOMCAST__INTERNAL__KEYS", "ROOMCAST__INTERNAL__KEYS__0__ID", "ROOMCAST__NAMESPACES"] {
        let problems = env_problems(&[(name, "x")]);
        assert!(problems.len() == 1 && problems[0].ends_with("only a file can hold it"), "{problems:?}");
    }
}

#[test]
fn beyond_loopback_all_missing_safeguards_are_named_at_once() {
    let outside = [("ROOMCAST__PUBLIC__ADDRESS", "0.0.0.0:80"), ("ROOMCAST__INTERNAL__ADDRESS", "[::]:90")];
    let problems = env_problems(&outside);
    assert_eq!(problems.len(), 2);
    assert!(problems[0].starts_with("auth.anonymous is missing: public.address = \"0.0.0.0:80\" is not loopback"));
    assert!(problems[0].contains("this version has no client authentication"));
    assert!(problems[1].starts_with("internal.keys is missing: internal.address = \"[::]:90\" is not loopback"));
    let keys = format!("[[internal.keys]]\nid = 'a'\nsha256 = '{}'\nscopes = ['publish']\n", "0f".repeat(32));
    let file = Written::new("toml", &keys);
    let anonymous = ("ROOMCAST__AUTH__ANONYMOUS", "true");
    let settings = load(Some(&file.0), env(&[outside[0], outside[1], anonymous])).expect("safeguarded").settings;
    assert_eq!(settings.mode(), Mode::Guarded);
}

#[test]
fn open_mode_is_loopback_without_keys() {
    assert_eq!(from_env(&[("ROOMCAST__INTERNAL__ADDRESS", "127.9.9.9:1")]).expect("valid").mode(), Mode::Open);
    let anonymous = [("ROOMCAST__AUTH__ANONYMOUS", "true"), ("ROOMCAST__PUBLIC__ADDRESS", "10.0.0.1:80")];
    assert_eq!(from_env(&anonymous).expect("valid").mode(), Mode::Guarded);
    assert_eq!(from_env(&anonymous[..1]).expect("valid").mode(), Mode::Open);
    let keys = format!("[[internal.keys]]\nid='a'\nsha256='{}'\nscopes=['read']", "0F".repeat(32));
    let settings = from_toml(&keys).expect("valid");
    assert_eq!(settings.mode(), Mode::Guarded);
    let key = &settings.internal.keys[0];
    assert_eq!((key.id.as_str(), key.sha256.expose(), &key.scopes), ("a", &[15; 32], &vec![Scope::Read]));
    assert!(!format!("{settings:?}").contains("15"), "a hash is masked");
}

#[test]
fn keys_are_whole_and_unique_and_their_hashes_stay_secret() {
    let hash = "ab".repeat(32);
    let text = format!(
        "[[internal.keys]]\nid='a'\nsha256='{hash}'\nscopes=['publish','publish']\n\
         [[internal.keys]]\nid='a'\nsha256='{hash}'\nscopes=['read']\n[[internal.keys]]\n"
    );
    assert_eq!(
        problems_of(&text),
        [
            "internal.keys[0].scopes in FILE:4: names a scope twice",
            "internal.keys[1].id in FILE:6: \"a\" is the id of an earlier key",
            "internal.keys[1].sha256 in FILE:7: is that of an earlier key",
            "internal.keys[2].id is missing: every key needs id, sha256 and scopes",
            "internal.keys[2].sha256 is missing: every key needs id, sha256 and scopes",
            "internal.keys[2].scopes is missing: every key needs id, sha256 and scopes",
        ]
    );
    let short = problems_of("[[internal.keys]]\nid='a'\nsha256='hunter2'\nscopes=['write']");
    assert_eq!(short[0], "internal.keys[0].sha256 in FILE:3: expected 64 hexadecimal digits, found text");
    assert!(short[1].ends_with("\"read\", not \"write\"") && !short.concat().contains("hunter2"), "{short:?}");
    for misplaced in ["internal = 'hunter2'", "[internal]\nkeys = 'hunter2'", "[internal]\nkeys = ['hunter2']"] {
        let problems = problems_of(misplaced);
        assert!(problems.len() == 1 && !problems[0].contains("hunter2"), "{problems:?}");
    }
}

#[test]
fn all_faults_come_in_one_message() {
    let error = from_env(&[("ROOMCAST__NODE__SHARDS", "x"), ("ROOMCAST__NODE__NAM", "x")]).expect_err("two");
    let text = error.to_string();
    assert!(text.starts_with("the settings cannot be used:\n  unknown key \"node.nam\""), "{text}");
    assert_eq!(text.lines().count(), 3);
}
