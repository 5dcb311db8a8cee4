//! A reload reads what has changed and shares everything else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rempart_base::Now;
use rempart_config::{Compiler, Snapshot, Source, Work, ZonePlan};
use tempfile::TempDir;

/// A folder with a configuration, and a clock that is far enough ahead that the files are not fresh.
struct Site {
    folder: TempDir,
    compiler: Compiler,
}

impl Site {
    fn new(main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("zones.d")).unwrap();
        let compiler = Compiler::new(Source::File(folder.path().join("rempart.yaml")));
        let site = Self { folder, compiler };
        site.write("rempart.yaml", &format!("listen: {{http: [\":80\"]}}\n{main}"));
        site
    }

    fn write(&self, name: &str, text: &str) {
        // As an editor does it: a new file in the place of the old one.
        let path = self.folder.path().join(name);
        let new = path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(&new, &path).unwrap();
    }

    fn zone(&self, name: &str, port: u16) {
        self.write(&format!("zones.d/{name}.yaml"), &zone(name, port));
    }

    fn compile(&mut self) -> Arc<Snapshot> {
        let compiled = self.compiler.compile(Now::read().after(Duration::from_secs(60)));
        compiled.unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// What is said about zones that are held back.
    fn held(&mut self) -> String {
        let said =
            self.compile().held.iter().map(|held| format!("{}\n{}", held.zone, held.diagnostics)).collect();
        assert_ne!(said, "", "something must be held back");
        said
    }

    fn refuse(&mut self) -> String {
        let compiled = self.compiler.compile(Now::read().after(Duration::from_secs(60)));
        compiled.map(|_| ()).expect_err("this must be refused").to_string()
    }
}

fn zone(name: &str, port: u16) -> String {
    format!("name: {name}\norigins: [\"http://127.0.0.1:{port}\"]\n")
}

fn plan(snapshot: &Snapshot, host: &str) -> Arc<ZonePlan> {
    Arc::clone(snapshot.zone_for_host(host.as_bytes()).expect("the host has a zone"))
}

#[test]
fn nothing_is_read_when_nothing_has_changed() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.zone("b.example", 2);
    let first = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: 3, zones_compiled: 2, zones_new: 2 });
    let second = site.compile();
    assert_eq!(site.compiler.work(), Work::default());
    assert!(Arc::ptr_eq(&first.settings, &second.settings));
    assert!(Arc::ptr_eq(&plan(&first, "a.example"), &plan(&second, "a.example")));
    assert_eq!((first.hash, first.number, second.number), (second.hash, 1, 1));
}

#[test]
fn a_changed_zone_gets_a_new_plan_and_the_others_keep_theirs() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.zone("b.example", 2);
    let before = site.compile();
    site.zone("a.example", 3);
    let after = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: 1, zones_compiled: 1, zones_new: 1 });
    assert!(Arc::ptr_eq(&plan(&before, "b.example"), &plan(&after, "b.example")));
    assert_eq!(
        &*plan(&before, "a.example").origins[0].label,
        "http://127.0.0.1:1",
        "an old snapshot stays as it was"
    );
    assert_eq!(&*plan(&after, "www.a.example").origins[0].label, "http://127.0.0.1:3");
    assert_ne!(before.hash, after.hash);
}

#[test]
fn zones_that_come_and_go_are_found_and_lost() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.zone("b.example", 2);
    let before = site.compile();
    fs::remove_file(site.folder.path().join("zones.d/a.example.yaml")).unwrap();
    site.write(
        "zones.d/c.example.yaml",
        "name: c.example\nhosts: [\"*\", a.example]\norigins: [\"http://127.0.0.1:3\"]\n",
    );
    let after = site.compile();
    assert_eq!(&*plan(&after, "a.example").name, "c.example");
    assert_eq!(&*plan(&after, "www.a.example").name, "c.example", "the catch-all");
    assert_eq!(&*plan(&before, "a.example").name, "a.example");
    assert!(before.zone_for_host(b"elsewhere.example").is_none());
    fs::remove_file(site.folder.path().join("zones.d/c.example.yaml")).unwrap();
    assert!(site.compile().zone_for_host(b"elsewhere.example").is_none());
}

#[test]
fn a_zone_that_is_written_elsewhere_or_read_again_keeps_its_plan() {
    let mut site = Site::new(
        "include: zones.d/*.yaml\nzones:\n  - {name: main.example, origins: [\"http://127.0.0.1:9\"]}\n",
    );
    site.zone("a.example", 1);
    let before = site.compile();
    fs::remove_file(site.folder.path().join("zones.d/a.example.yaml")).unwrap();
    let moved = format!("zones:\n  # a comment\n  - {}", zone("a.example", 1).replace('\n', "\n    "));
    site.write("zones.d/moved.yaml", &moved);
    site.write(
        "rempart.yaml",
        &fs::read_to_string(site.folder.path().join("rempart.yaml"))
            .unwrap()
            .replace("zones:", "zones: # read again"),
    );
    let after = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: 2, zones_compiled: 2, zones_new: 0 });
    for host in ["a.example", "main.example"] {
        assert!(Arc::ptr_eq(&plan(&before, host), &plan(&after, host)), "{host}");
    }
}

#[test]
fn what_is_refused_changes_nothing_and_is_reported_each_time() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.zone("b.example", 2);
    let before = site.compile();
    site.write("zones.d/a.example.yaml", "name: a.example\norigins: []\n");
    let first = site.held();
    assert!(first.starts_with("a.example\n") && first.contains("empty-list"), "{first}");
    assert_eq!(site.held(), first);
    site.write("rempart.yaml", "listen: {http: [\":80\"]}\nworkers: 0\ninclude: zones.d/*.yaml\n");
    let both = site.refuse();
    assert!(both.contains("empty-list") && both.contains("out-of-range"), "{both}");
    site.zone("a.example", 1);
    site.write("rempart.yaml", "listen: {http: [\":80\"]}\ninclude: zones.d/*.yaml\n");
    let after = site.compile();
    assert_eq!(site.compiler.work().zones_new, 0);
    assert!(Arc::ptr_eq(&plan(&before, "a.example"), &plan(&after, "a.example")));
    assert_eq!(after.number, before.number, "the same content is the same release");
    site.zone("a.example", 3);
    assert_eq!(site.compile().number, 2, "refused ones are not counted");
}

#[test]
fn the_global_upstream_settings_reach_every_zone_that_does_not_override_them() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.write("zones.d/b.yaml", &format!("{}upstream: {{connect_timeout_ms: 77}}\n", zone("b.example", 2)));
    let before = site.compile();
    assert!(Arc::ptr_eq(&plan(&before, "a.example").origins[0].settings, &before.settings.upstream));
    site.write("rempart.yaml", "listen: {http: [\":80\"]}\ninclude: zones.d/*.yaml\nupstream: {connect_timeout_ms: 55, pending_max: 3}\n");
    let after = site.compile();
    let (a, b) = (plan(&after, "a.example"), plan(&after, "b.example"));
    let settings = |plan: &ZonePlan| {
        (plan.origins[0].settings.connect_timeout.as_millis(), plan.origins[0].settings.pending_max)
    };
    assert_eq!((settings(&a), settings(&b)), ((55, 3), (77, 3)));
    assert_eq!(a.origins[0].id, plan(&before, "a.example").origins[0].id, "its pool survives");
    // Refused in between, then back: nobody keeps the settings of what was refused.
    site.write("rempart.yaml", "listen: {http: [\":80\"]}\ninclude: zones.d/*.yaml\nupstream: {connect_timeout_ms: 66}\nworkers: 0\n");
    site.refuse();
    site.write("rempart.yaml", "listen: {http: [\":80\"]}\ninclude: zones.d/*.yaml\nupstream: {connect_timeout_ms: 55, pending_max: 3}\n");
    assert_eq!(settings(&plan(&site.compile(), "a.example")), (55, 3));
}

#[test]
fn a_renewed_certificate_is_noticed_though_no_configuration_has_changed() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    let renew = |site: &Site| {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        site.write("zones.d/a.pem", &certificate.pem());
        site.write("zones.d/a.key", &key.serialize_pem());
    };
    renew(&site);
    site.zone("b.example", 2);
    site.write(
        "zones.d/a.yaml",
        &format!("{}certificates: [{{cert: a.pem, key: a.key}}]\n", zone("a.example", 1)),
    );
    let before = site.compile();
    renew(&site);
    let after = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: 1, zones_compiled: 1, zones_new: 1 });
    let (old, new) =
        (before.certificate_for("a.example").unwrap(), after.certificate_for("a.example").unwrap());
    assert_ne!(old.cert, new.cert);
    assert_eq!(plan(&before, "a.example").origins[0].id, plan(&after, "a.example").origins[0].id);
    // Half a renewal: the key is new, the certificate is not yet.
    site.write("zones.d/a.key", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    assert!(site.held().contains("key-mismatch"));
    let folder = site.folder.path().join("zones.d");
    assert!(site.compiler.watched().contains(&folder), "{:?}", site.compiler.watched());
}

#[test]
fn a_file_that_was_written_just_now_is_not_trusted_to_have_another_stamp_next_time() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    let path = site.folder.path().join("zones.d/a.example.yaml");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let unix = modified.duration_since(std::time::UNIX_EPOCH).unwrap();
    let same_moment = Now { unix_ns: u64::try_from(unix.as_nanos()).unwrap(), ..Now::read() };
    site.compiler.compile(same_moment).unwrap();
    site.compiler.compile(same_moment).unwrap();
    assert!(
        site.compiler.work().files_read > 0,
        "a write in the same tick of the file system would be missed"
    );
}

#[test]
fn one_zone_of_fifty_thousand_costs_one_file() {
    const ZONES: usize = 50_000;
    let mut site = Site::new("include: zones.d/*.yaml\n");
    for i in 0..ZONES {
        let name = format!("zone-{i}.example");
        fs::write(site.folder.path().join(format!("zones.d/{name}.yaml")), zone(&name, 9000)).unwrap();
    }
    let before = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: ZONES + 1, zones_compiled: ZONES, zones_new: ZONES });
    site.zone("zone-777.example", 9001);
    let after = site.compile();
    assert_eq!(site.compiler.work(), Work { files_read: 1, zones_compiled: 1, zones_new: 1 });
    assert_eq!(after.zones().len(), ZONES);
    let shared = before.zones().zip(after.zones()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
    assert_eq!(shared, ZONES - 1);
    assert_eq!(&*plan(&after, "www.zone-777.example").origins[0].label, "http://127.0.0.1:9001");
}

#[test]
fn fifty_thousand_zones_fit_into_one_file() {
    let mut zones = String::from("zones:\n");
    for i in 0..50_000 {
        let _ = writeln!(zones, "  - name: zone-{i}.example\n    origins: [\"http://127.0.0.1:9000\"]");
    }
    let mut site = Site::new(&zones);
    let snapshot = site.compile();
    assert_eq!(snapshot.zones().len(), 50_000);
    assert_eq!(&*plan(&snapshot, "a.zone-49999.example").name, "zone-49999.example");
}

#[test]
fn a_file_of_ten_times_the_size_is_held_back_without_reading_it_whole() {
    let mut site = Site::new("include: zones.d/*.yaml\n");
    site.zone("a.example", 1);
    site.compile();
    let file = fs::File::create(site.folder.path().join("zones.d/huge.yaml")).unwrap();
    file.set_len(10 * rempart_config::files::CONFIG_BYTES_MAX).unwrap();
    let problems = site.held();
    assert!(problems.contains("file-too-large") && problems.contains("config_bytes_max"), "{problems}");
}

#[test]
fn a_file_at_the_size_limit_is_read_and_one_byte_more_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("file");
    let file = fs::File::create(path).unwrap();
    file.set_len(rempart_config::files::CONFIG_BYTES_MAX).unwrap();
    assert!(rempart_config::files::read_config(path).is_ok());
    file.set_len(rempart_config::files::CONFIG_BYTES_MAX + 1).unwrap();
    assert_eq!(rempart_config::files::read_config(path).unwrap_err().1.code, "file-too-large");
}
