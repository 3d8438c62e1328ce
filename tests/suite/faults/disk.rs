//! Small disks, which can be full.

use super::servers::is_root;
use std::path::{Path, PathBuf};
use std::process::Command;

const SIZE: &str = "size=400m";

/// A small file system in the place of a folder, until it is dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Moves what the folder holds onto it. Nobody may have that open.
    pub fn at(folder: PathBuf) -> Self {
        assert!(is_root(), "a small file system takes root");
        let aside = folder.with_extension("aside");
        let text = |path: &PathBuf| path.display().to_string();
        run(&["mv", &text(&folder), &text(&aside)]);
        run(&["mkdir", &text(&folder)]);
        run(&["mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", &text(&folder)]);
        let disk = Self(folder);
        run(&["cp", "-a", &format!("{}/.", text(&aside)), &text(&disk.0)]);
        run(&["rm", "-rf", &text(&aside)]);
        disk
    }
}

impl Drop for SmallDisk {
    /// Those who used it have ended, or are about to.
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).output());
    }
}

/// Writes until so much is left.
pub fn fill(folder: &Path, left_mib: u64) {
    let of = format!("of={}", filler(folder).display());
    let mut arguments = vec!["if=/dev/zero".to_owned(), of, "bs=1M".to_owned()];
    if left_mib > 0 {
        arguments.push(format!("count={}", free_mib(folder).saturating_sub(left_mib)));
    }
    // It ends with an error when the disk is full, as it should.
    drop(Command::new("dd").args(arguments).output());
}

/// Gives back what `fill` took.
pub fn free(folder: &Path) {
    drop(std::fs::remove_file(filler(folder)));
}

fn filler(folder: &Path) -> PathBuf {
    folder.join("filler")
}

fn free_mib(folder: &Path) -> u64 {
    let told = Command::new("df").args(["-m", "--output=avail"]).arg(folder).output().expect("df runs");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    told.lines().last().and_then(|line| line.trim().parse().ok()).expect("df tells a number")
}

fn run(command: &[&str]) {
    let done = Command::new(command[0]).args(&command[1..]).status().expect("the command runs");
    assert!(done.success(), "{command:?} failed");
}
