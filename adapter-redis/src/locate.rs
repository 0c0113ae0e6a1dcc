//! Finding the master, anew at every attempt to connect.

use redis::Value;

use crate::connection::{ConnectError, Endpoint, Nobody, ask, number, text};
use crate::options::Servers;
use crate::shared::Shared;

/// The address of the master by the settings.
pub(crate) async fn master(shared: &Shared) -> Result<String, ConnectError> {
    match &shared.config.servers {
        Servers::Standalone(address) => Ok(address.clone()),
        Servers::Sentinel { addresses, master, username, password } => {
            let mut last = ConnectError::Unfit("no sentinel is named".to_owned());
            for address in addresses {
                let mut endpoint = shared.links.endpoint(&shared.config, address.clone())?;
                endpoint.username.clone_from(username);
                endpoint.password.clone_from(password);
                match of_sentinel(&endpoint, master).await {
                    Ok(found) => return Ok(found),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        Servers::Cluster(_) => any_of(shared, masters(shared).await?).await,
    }
}

/// In the classic format any master passes publications on to all others: the first of them that can be
/// reached, for all nodes the same.
async fn any_of(shared: &Shared, masters: Vec<Master>) -> Result<String, ConnectError> {
    let mut last = ConnectError::Unfit("the Cluster has no master".to_owned());
    for Master { address, .. } in masters {
        match shared.links.endpoint(&shared.config, address.clone())?.connect(Nobody).await {
            Ok(found) if found.master => return Ok(address),
            Ok(_) => last = ConnectError::Replica,
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn of_sentinel(endpoint: &Endpoint, master: &str) -> Result<String, ConnectError> {
    let connection = endpoint.connect(Nobody).await?;
    let found = ask(&connection, redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(master)).await?;
    let unknown = || ConnectError::Unfit(format!("the sentinel at {} knows no master {master:?}", endpoint.address));
    let Value::Array(parts) = found else { return Err(unknown()) };
    match &parts[..] {
        [host, port] => Ok(joined(&text(host).ok_or_else(unknown)?, number(port).ok_or_else(unknown)?)),
        _ => Err(unknown()),
    }
}

/// A master of a Cluster, and its slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Master {
    pub(crate) address: String,
    /// First and last of each range.
    pub(crate) ranges: Vec<(u16, u16)>,
}

/// The masters of the Cluster, as the first of its nodes that answers tells them.
pub(crate) async fn masters(shared: &Shared) -> Result<Vec<Master>, ConnectError> {
    let Servers::Cluster(seeds) = &shared.config.servers else { return Ok(Vec::new()) };
    let known = shared.links.addresses();
    let mut last = ConnectError::Unfit("no node of the Cluster is named".to_owned());
    for address in known.iter().chain(seeds) {
        let asked = async {
            let connection = shared.links.endpoint(&shared.config, address.clone())?.connect(Nobody).await?;
            ask(&connection, redis::cmd("CLUSTER").arg("SLOTS")).await
        };
        match asked.await.map(|slots| read(&slots, address)) {
            Ok(masters) if !masters.is_empty() => return Ok(masters),
            Ok(_) => last = ConnectError::Unfit("the Cluster serves no slots".to_owned()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What `CLUSTER SLOTS` says: `[[first, last, [host, port, …], replicas…], …]`. An empty host is the one asked.
fn read(slots: &Value, asked: &str) -> Vec<Master> {
    let mut masters: Vec<Master> = Vec::new();
    let Value::Array(rows) = slots else { return masters };
    for row in rows {
        let Value::Array(row) = row else { continue };
        let [first, last, Value::Array(node), ..] = &row[..] else { continue };
        let [host, port, ..] = &node[..] else { continue };
        let range = (number(first).map(u16::try_from), number(last).map(u16::try_from), number(port));
        let (Some(Ok(first)), Some(Ok(last)), Some(port)) = range else { continue };
        let host = text(host).filter(|host| !host.is_empty());
        let host = host.unwrap_or_else(|| asked.rsplit_once(':').map_or(asked, |(host, _)| host).to_owned());
        let address = joined(&host, port);
        match masters.iter_mut().find(|master| master.address == address) {
            Some(master) => master.ranges.push((first, last)),
            None => masters.push(Master { address, ranges: vec![(first, last)] }),
        }
    }
    masters.sort_by(|one, other| one.address.cmp(&other.address));
    masters
}

fn joined(host: &str, port: i64) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_of_masters_are_read() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node =
            |host: &str, port| Value::Array(vec![bulk(host), Value::Int(port), bulk("id"), Value::Array(vec![])]);
        let row = |first, last, host: &str, port| {
            Value::Array(vec![Value::Int(first), Value::Int(last), node(host, port), node("replica", 1)])
        };
        let slots = Value::Array(vec![row(0, 5, "::1", 7), row(6, 7, "", 8), row(9, 9, "::1", 7), Value::Nil]);
        let one = Master { address: "[::1]:7".into(), ranges: vec![(0, 5), (9, 9)] };
        let other = Master { address: "seed:8".into(), ranges: vec![(6, 7)] };
        assert_eq!(read(&slots, "seed:6"), [one, other]);
        assert_eq!(read(&Value::Okay, "seed:6"), []);
    }
}
