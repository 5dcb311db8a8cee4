use super::*;

fn good() -> Report {
    let text = "listen: {http: [\":0\", {address: \"127.0.0.1:0\", proxy_protocol: v2}], https: [\"[::1]:0\"]}\n\
                zones: [{name: a.example, origins: [\"http://127.0.0.1:1\"]}]\n";
    let source =
        rempart_config::Source::Text { name: "test".into(), text: text.into(), folder: PathBuf::new() };
    let snapshot = rempart_config::Compiler::new(source).compile(rempart_base::Now::read()).unwrap();
    let mut report = Report::new(Outcome::Good);
    report.hash = Some("ab".repeat(32));
    report.settings = Some(Needs::from(&*snapshot.settings));
    assert_eq!(report.settings.as_ref().unwrap().listen(), snapshot.settings.listen);
    report
}

#[test]
fn what_is_written_is_read_again_by_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("releases")).unwrap();
    let report = good();
    report.write(folder.path()).unwrap();
    assert_eq!(Report::read(folder.path()).unwrap(), report);
    let mode = std::fs::metadata(Report::path(folder.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    Report::remove(folder.path()).unwrap();
    Report::remove(folder.path()).unwrap();
    assert_eq!(Report::read(folder.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn half_a_report_and_a_good_one_without_what_is_good_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("releases")).unwrap();
    let whole = serde_json::to_vec(&good()).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(Report::path(folder.path()), &whole[..cut]).unwrap();
        assert!(Report::read(folder.path()).is_err(), "cut at {cut}");
    }
    for without in [
        Report { hash: None, ..good() },
        Report { settings: None, ..good() },
        Report { hash: Some("x".into()), ..good() },
    ] {
        without.write(folder.path()).unwrap();
        assert!(Report::read(folder.path()).is_err());
    }
}

#[test]
fn the_bound_on_its_length_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("releases")).unwrap();
    let mut whole = serde_json::to_vec(&good()).unwrap();
    whole.resize(REPORT_BYTES_MAX as usize, b' ');
    std::fs::write(Report::path(folder.path()), &whole).unwrap();
    Report::read(folder.path()).unwrap();
    whole.push(b' ');
    std::fs::write(Report::path(folder.path()), &whole).unwrap();
    assert_eq!(Report::read(folder.path()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}
