//! A crate is a room; a room uses only rooms below it, and rooms of one floor are strangers.

use crate::{Findings, Tree};
use toml::{Table, Value};

/// The rooms, floor by floor from the ground up. Rooms of one floor are strangers. (`io` is the floor that
/// the rooms with number 3 of the design share.)
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["flow", "releases"],
    &["http1", "http2", "rules"],
    &["io"],
    &["wire", "origin", "cache"],
    &["features"],
    &["config"],
    &["edge"],
    &["rempart"],
];

/// What stands beside the house and is used all the same: only by builds that can inject faults.
const BESIDE: &[(&str, &str)] = &[("rempart", "drills")];

/// Packages whose name is not `rempart-` and their folder.
const OWN_NAMES: &[(&str, &str)] = &[("crates/rempart", "rempart"), ("xtask", "xtask")];

/// Each `crates/*/Cargo.toml` names only lower rooms.
pub(crate) fn layers(tree: &Tree, findings: &mut Findings) {
    for folder in tree.folders("crates").into_iter().filter(|folder| *folder != "features") {
        let Some(own) = floor(folder) else {
            findings.problems.push(format!(
                "crates/{folder}: this room is on no floor; put it on one in xtask/src/rooms.rs, as low as can be"
            ));
            continue;
        };
        let path = format!("crates/{folder}/Cargo.toml");
        let Some(manifest) = manifest(tree, &path, findings) else { continue };
        for used in uses(&manifest) {
            let Some(room) = used.strip_prefix("rempart-") else { continue };
            if BESIDE.contains(&(folder, room)) {
                continue;
            }
            match floor(room) {
                Some(floor) if floor < own => {}
                Some(_) => findings.problems.push(format!(
                    "{path}: room {folder} uses {room}, which is not below it; layers point down: move what \
                     is shared into a lower room"
                )),
                None => {
                    findings.problems.push(format!("{path}: room {folder} uses {room}, which is no room"))
                }
            }
        }
    }
}

/// Every member is unpublished and is called like its folder.
pub(crate) fn packages(tree: &Tree, findings: &mut Findings) {
    let Some(workspace) = manifest(tree, "Cargo.toml", findings) else { return };
    let inherited = workspace.get("workspace").and_then(|w| w.get("package")).and_then(|p| p.get("publish"));
    let members = workspace.get("workspace").and_then(|w| w.get("members")).and_then(Value::as_array);
    for member in members.into_iter().flatten().filter_map(Value::as_str) {
        let path = format!("{member}/Cargo.toml");
        let Some(manifest) = manifest(tree, &path, findings) else { continue };
        let package = manifest.get("package");
        let publish = match package.and_then(|package| package.get("publish")) {
            Some(Value::Table(table)) if table.get("workspace") == Some(&Value::Boolean(true)) => inherited,
            other => other,
        };
        if publish != Some(&Value::Boolean(false)) {
            findings.problems.push(format!("{path}: write `publish.workspace = true` (which is `false`)"));
        }
        let folder = member.rsplit('/').next().unwrap_or(member);
        let own = OWN_NAMES.iter().find(|(path, _)| *path == member).map(|(_, name)| (*name).to_owned());
        let want = own.unwrap_or_else(|| format!("rempart-{folder}"));
        let name =
            package.and_then(|package| package.get("name")).and_then(Value::as_str).unwrap_or_default();
        if name != want {
            findings.problems.push(format!("{path}: the package is called `{name}`; it should be `{want}`"));
        }
    }
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

fn manifest(tree: &Tree, path: &str, findings: &mut Findings) -> Option<Table> {
    match tree.text(path).map(str::parse::<Table>) {
        Some(Ok(table)) => Some(table),
        Some(Err(error)) => {
            findings.problems.push(format!("{path}: {}", error.message()));
            None
        }
        None => {
            findings.problems.push(format!("{path}: there is no such file"));
            None
        }
    }
}

/// What is used in the program itself and in its build; tests may look down from anywhere.
fn uses(manifest: &Table) -> Vec<&str> {
    let own = ["dependencies", "build-dependencies"].into_iter().filter_map(|key| manifest.get(key));
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let theirs = targets.filter_map(|target| target.get("dependencies"));
    own.chain(theirs).filter_map(Value::as_table).flat_map(|table| table.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: fn(&Tree, &mut Findings), files: &[(&str, &str)]) -> Vec<String> {
        let mut findings = Findings::default();
        check(&Tree::of(files), &mut findings);
        findings.problems
    }

    #[test]
    fn using_a_lower_room_is_right_and_nothing_else() {
        let uses = |room: &str| format!("[dependencies]\nrempart-{room}.workspace = true\nbytes = \"1\"\n");
        for (room, count) in
            [("base", 0), ("http1", 0), ("wire", 1), ("origin", 1), ("edge", 1), ("nothing", 1)]
        {
            let found = problems(layers, &[("crates/wire/Cargo.toml", &uses(room))]);
            assert_eq!(found.len(), count, "{room}: {found:?}");
        }
        assert_eq!(problems(layers, &[("crates/new/Cargo.toml", "")]).len(), 1);
    }

    #[test]
    fn the_drills_are_used_by_the_program_alone() {
        let uses = "[dependencies]\nrempart-drills = { workspace = true, optional = true }\n";
        assert_eq!(problems(layers, &[("crates/rempart/Cargo.toml", uses)]).len(), 0);
        assert_eq!(problems(layers, &[("crates/edge/Cargo.toml", uses)]).len(), 1);
    }

    #[test]
    fn packages_are_unpublished_and_called_like_their_folder() {
        let root = |publish: &str| {
            format!("[workspace]\nmembers = [\"crates/base\"]\n[workspace.package]\npublish = {publish}\n")
        };
        let inherits = "[package]\nname = \"rempart-base\"\npublish.workspace = true\n";
        for (root, package, count) in [
            (root("false"), inherits, 0),
            (root("true"), inherits, 1),
            (root("false"), "[package]\nname = \"rempart-base\"\n", 1),
            (root("false"), "[package]\nname = \"base\"\npublish = false\n", 1),
        ] {
            let found = problems(packages, &[("Cargo.toml", &root), ("crates/base/Cargo.toml", package)]);
            assert_eq!(found.len(), count, "{package}: {found:?}");
        }
    }
}
