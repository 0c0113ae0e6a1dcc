//! x

use super::*;

#[test]
fn dump() {
    for (name, prefix, format, text) in CAPTURES {
        let capture = capture(text);
        println!("=== {name}");
        for step in &capture.steps {
            println!("  (\"{}\", &[", step.step);
            for command in step.commands.iter().filter(|command| command.channel.is_some()) {
                println!("     {}", line(&capture, prefix, format, command));
            }
        }
    }
}

fn line(capture: &Capture, prefix: &str, format: Format, command: &Command) -> String {
    let channel = command.channel.as_deref().unwrap_or_default();
    let incoming = reader(format, prefix).read(channel.as_bytes(), &command.payload(), 0);
    let mut line = incoming.map_or_else(|why| format!("{why:?}"), |incoming| describe(&incoming));
    for (name, id) in &capture.sockets {
        line = line.replace(id, &format!("<{name}>"));
    }
    for (id, name) in [(command.request_id(), "<id>"), (command.uid(), "<uid>"), (Some(prefix), "<prefix>")] {
        line = id.map_or(line.clone(), |id| line.replace(id, name));
    }
    line
}
