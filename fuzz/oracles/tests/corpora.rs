//! The committed corpora, and every beginning of their files with a name, hold what their oracle asks for.

use std::path::{Path, PathBuf};

/// The longest file of a corpus, in bytes, and the most files.
const LONGEST: usize = 200;
const MOST: usize = 48;

#[test]
fn every_file_of_a_corpus_passes_its_oracle() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpora");
    let mut failed = Vec::new();
    for (name, run) in oracles::TARGETS {
        let files = files(&corpora.join(name));
        assert!((3..=MOST).contains(&files.len()), "{name}: {} files", files.len());
        for file in files {
            let bytes = std::fs::read(&file).expect("a file of a corpus");
            assert!(bytes.len() <= LONGEST, "{} has {} bytes", file.display(), bytes.len());
            // What libFuzzer has kept was made by cutting already.
            let has_name = file.file_stem().is_some_and(|name| name.len() < 40);
            let shortest = if has_name { 0 } else { bytes.len() };
            for end in (shortest..=bytes.len()).rev() {
                let outcome = std::panic::catch_unwind(|| run(&bytes[..end]));
                if outcome.is_err() {
                    failed.push(format!("the first {end} bytes of {}", file.display()));
                    break;
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}
