//! The page that an edge shares with its supervisor: one slot a core, in which the core says that it lives and
//! what it is about to run. A process that is stuck or dead cannot answer any more; its page still can.
//!
//! A core only ever stores into its own slot: plain moves to a cache line that is its own, without order
//! between them. The supervisor reads when the core is stuck or gone, so nothing is torn then; whatever it
//! reads is bounded and harmless all the same, since the edge may have written anything.

use std::io::{self, ErrorKind};
use std::mem::size_of;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// No edge has more workers (the bound of the key `workers`).
pub const CORES_MAX: usize = 256;
/// Names the form of the page. Another form has another number, so that an edge and a supervisor of
/// different versions never misread each other.
const FORM: u64 = u64::from_le_bytes(*b"rmpage\0\x01");
const STAGE_WORDS: usize = 3;
const RULE_WORDS: usize = 8;
const ZONE_WORDS: usize = 32;

/// The longest name of a stage, in bytes.
pub const STAGE_BYTES_MAX: usize = STAGE_WORDS * 8;
/// The longest text of a rule that is kept, in bytes.
pub const RULE_BYTES_MAX: usize = RULE_WORDS * 8;
/// The longest name of a zone that is kept, in bytes.
pub const ZONE_BYTES_MAX: usize = ZONE_WORDS * 8;

/// One core's slot.
#[repr(C, align(64))]
#[derive(Default)]
pub struct Slot {
    beats: AtomicU64,
    release: AtomicU64,
    /// The name with zeros behind it; the first word is zero where nothing runs.
    stage: [AtomicU64; STAGE_WORDS],
    rule_bytes: AtomicU64,
    zone_bytes: AtomicU64,
    rule: [AtomicU64; RULE_WORDS],
    zone: [AtomicU64; ZONE_WORDS],
}

/// A stage's name in the form in which it is written to a slot: made once, stored in a nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageName([u64; STAGE_WORDS]);

impl StageName {
    /// From the name. What is longer than [`STAGE_BYTES_MAX`] is cut.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let mut words = [0; STAGE_WORDS];
        let mut rest = name.as_bytes();
        let mut at = 0;
        while let [byte, behind @ ..] = rest {
            if at == STAGE_BYTES_MAX {
                break;
            }
            let [first, second, third] = &mut words;
            let word = match at / 8 {
                0 => first,
                1 => second,
                _ => third,
            };
            *word |= (*byte as u64) << (at % 8 * 8);
            rest = behind;
            at += 1;
        }
        Self(words)
    }
}

/// What a core was running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The release's number.
    pub release: u64,
    /// The zone's name; empty if no zone was found yet.
    pub zone: String,
    /// The stage's name.
    pub stage: String,
    /// The rule's text; empty if the stage has none.
    pub rule: String,
}

impl Slot {
    /// Says that the core is not stuck. To be called ten times a second.
    pub fn beat(&self) {
        self.beats.store(self.beats.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// How often [`Slot::beat`] was called: 0 means that the core never began.
    #[must_use]
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Whose stages follow: to be called once a request, and whenever its core comes back to it.
    pub fn zone(&self, release: u64, name: &str) {
        self.release.store(release, Ordering::Relaxed);
        self.zone_bytes.store(store(&self.zone, name), Ordering::Relaxed);
    }

    /// Which stage runs next; it has no rule so far.
    pub fn stage(&self, name: StageName) {
        self.rule_bytes.store(0, Ordering::Relaxed);
        for (word, value) in self.stage.iter().zip(name.0) {
            word.store(value, Ordering::Relaxed);
        }
        // What follows may never come back: the stores are not put off behind it. Costs no instruction.
        compiler_fence(Ordering::SeqCst);
    }

    /// Which rule of that stage runs next; what is longer than [`RULE_BYTES_MAX`] is cut.
    pub fn rule(&self, text: &str) {
        self.rule_bytes.store(store(&self.rule, text), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
    }

    /// No stage runs.
    pub fn clear(&self) {
        let [first, ..] = &self.stage;
        first.store(0, Ordering::Relaxed);
    }

    /// What runs, or ran when the process ended; `None` if it was no stage.
    #[must_use]
    pub fn read(&self) -> Option<Mark> {
        let [first, ..] = &self.stage;
        // `clear` leaves the rest of a longer name behind.
        if first.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let stage = load(&self.stage, STAGE_BYTES_MAX as u64);
        let stage = stage.trim_end_matches('\0').to_owned();
        (!stage.is_empty()).then(|| Mark {
            release: self.release.load(Ordering::Relaxed),
            zone: load(&self.zone, self.zone_bytes.load(Ordering::Relaxed)),
            stage,
            rule: load(&self.rule, self.rule_bytes.load(Ordering::Relaxed)),
        })
    }
}

/// Stores what fits, and returns how many bytes that is.
fn store(words: &[AtomicU64], text: &str) -> u64 {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..words.len() * 8).unwrap_or(bytes);
    let (whole, rest) = bytes.as_chunks::<8>();
    for (word, chunk) in words.iter().zip(whole) {
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
    }
    if let Some(word) = words.get(whole.len()).filter(|_| !rest.is_empty()) {
        let last = rest.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        word.store(last, Ordering::Relaxed);
    }
    bytes.len() as u64
}

fn load(words: &[AtomicU64], bytes: u64) -> String {
    let all: Vec<u8> = words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).min(all.len());
    String::from_utf8_lossy(all.get(..bytes).unwrap_or_default()).into_owned()
}

/// What stands before the slots.
#[repr(C, align(64))]
struct Head {
    form: AtomicU64,
    /// Of the page that all edges of one folder share: up to which purge its log is written.
    tide: AtomicU64,
}

/// The slots of one edge, in memory that two processes share.
pub struct Page {
    file: OwnedFd,
    start: NonNull<Head>,
    cores: usize,
}

// SAFETY: the mapping belongs to no thread, and all that is ever reached through it are atomics.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// A new page with so many slots, all of them empty.
    ///
    /// # Errors
    /// There are none or more than [`CORES_MAX`] cores, or the kernel has no memory.
    pub fn create(cores: usize) -> io::Result<Self> {
        if cores == 0 || cores > CORES_MAX {
            return Err(io::Error::from(ErrorKind::InvalidInput));
        }
        let file = memfd_create("rempart-page", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, bytes(cores) as u64)?;
        // Else the other side could cut it off under our feet.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let page = Self::over(file, cores)?;
        page.head().form.store(FORM, Ordering::Relaxed);
        Ok(page)
    }

    /// Maps a page that the other side has created. Its size decides how many slots there are.
    ///
    /// # Errors
    /// It is no such page: of another form, of no possible size, or one that could still be cut off.
    pub fn map(file: OwnedFd) -> io::Result<Self> {
        let wrong = || io::Error::new(ErrorKind::InvalidData, "not a page of this version");
        let size = usize::try_from(fstat(&file)?.st_size).map_err(|_| wrong())?;
        let cores = size.saturating_sub(size_of::<Head>()) / size_of::<Slot>();
        let seals = fcntl_get_seals(&file)?;
        if cores == 0 || cores > CORES_MAX || size != bytes(cores) || !seals.contains(SealFlags::SHRINK) {
            return Err(wrong());
        }
        let page = Self::over(file, cores)?;
        if page.head().form.load(Ordering::Relaxed) == FORM { Ok(page) } else { Err(wrong()) }
    }

    /// `file` is sealed against shrinking, and has [`bytes`]`(cores)` or more.
    fn over(file: OwnedFd, cores: usize) -> io::Result<Self> {
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping, at an address that the kernel chooses.
        let start = unsafe { mmap(null_mut(), bytes(cores), protection, MapFlags::SHARED, &file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(ErrorKind::OutOfMemory)?;
        Ok(Self { file, start, cores })
    }

    fn head(&self) -> &Head {
        // SAFETY: the mapping begins with a head, is aligned to a page of memory, and lives as long as self.
        unsafe { self.start.as_ref() }
    }

    /// Every slot.
    #[must_use]
    pub fn slots(&self) -> &[Slot] {
        // SAFETY: behind the head lie `cores` slots, by the size that was checked or set; any bytes are a
        // slot; what other processes do to them they do to atomics; the mapping lives as long as self.
        unsafe { std::slice::from_raw_parts(self.start.add(1).cast::<Slot>().as_ptr(), self.cores) }
    }

    /// A page of its own for what all edges of one folder share, whoever follows whom: up to which purge the
    /// log is written. Zero at first.
    ///
    /// # Errors
    /// The kernel has no memory.
    pub fn create_tide() -> io::Result<Self> {
        Self::create(1)
    }

    /// That number, for as long as this process lives.
    #[must_use]
    pub fn tide(self) -> &'static AtomicU64 {
        let page: &'static Self = Box::leak(Box::new(self));
        &page.head().tide
    }

    /// Every slot, for as long as this process lives: what an edge does with its page.
    #[must_use]
    pub fn forever(self) -> &'static [Slot] {
        let page: &'static Self = Box::leak(Box::new(self));
        page.slots()
    }
}

const fn bytes(cores: usize) -> usize {
    size_of::<Head>() + cores * size_of::<Slot>()
}

impl AsFd for Page {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and every reference into it is bound to self.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), bytes(self.cores)) };
        debug_assert!(unmapped.is_ok(), "a mapping of ours can be unmapped");
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::FromRawFd;
    use std::process::Command;

    use rustix::io::{FdFlags, fcntl_setfd};

    use super::*;

    const STAGE: StageName = StageName::new("origin");

    fn again(page: &Page) -> OwnedFd {
        page.as_fd().try_clone_to_owned().unwrap()
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let page = Page::create(3).unwrap();
        let slots = Page::map(again(&page)).unwrap().forever();
        assert_eq!((slots.len(), page.slots()[1].read(), page.slots()[1].beats()), (3, None, 0));
        slots[1].beat();
        slots[1].zone(7, "shop.example");
        slots[1].stage(STAGE);
        slots[1].rule("path contains \"x\"");
        let mark = Mark {
            release: 7,
            zone: "shop.example".into(),
            stage: "origin".into(),
            rule: "path contains \"x\"".into(),
        };
        assert_eq!((page.slots()[1].read(), page.slots()[1].beats()), (Some(mark), 1));
        assert_eq!((page.slots()[0].read(), page.slots()[2].read()), (None, None));
        slots[1].stage(STAGE);
        assert_eq!(page.slots()[1].read().unwrap().rule, "", "the next stage has a rule of its own");
        slots[1].stage(StageName::new("a name of several words"));
        slots[1].clear();
        assert_eq!(page.slots()[1].read(), None);
    }

    #[test]
    fn a_tide_is_one_number_for_all() {
        let page = Page::create_tide().unwrap();
        let [one, other] = [(); 2].map(|()| Page::map(again(&page)).unwrap().tide());
        assert_eq!(other.load(Ordering::Acquire), 0);
        one.store(7, Ordering::Release);
        assert_eq!((other.load(Ordering::Acquire), page.tide().load(Ordering::Acquire)), (7, 7));
    }

    #[test]
    fn the_bounds_are_exact() {
        let slot = Slot::default();
        for more in 0..2 {
            slot.stage(StageName::new(&"s".repeat(STAGE_BYTES_MAX + more)));
            slot.rule(&"r".repeat(RULE_BYTES_MAX + more));
            slot.zone(1, &"z".repeat(ZONE_BYTES_MAX + more));
            let mark = slot.read().unwrap();
            let lengths = [mark.stage.len(), mark.rule.len(), mark.zone.len()];
            assert_eq!(lengths, [STAGE_BYTES_MAX, RULE_BYTES_MAX, ZONE_BYTES_MAX]);
        }
        slot.zone(1, "");
        assert_eq!(slot.read().unwrap().zone, "");
        for cores in [0, CORES_MAX + 1] {
            assert!(Page::create(cores).is_err());
        }
        assert_eq!(Page::create(CORES_MAX).unwrap().slots().len(), CORES_MAX);
    }

    #[test]
    fn lengths_of_a_mad_writer_are_cut() {
        let slot = Slot::default();
        slot.stage(STAGE);
        slot.zone_bytes.store(u64::MAX, Ordering::Relaxed);
        slot.rule_bytes.store(1 << 40, Ordering::Relaxed);
        let mark = slot.read().unwrap();
        assert_eq!((mark.zone.len(), mark.rule.len()), (ZONE_BYTES_MAX, RULE_BYTES_MAX));
    }

    #[test]
    fn a_file_that_is_no_page_is_refused() {
        let file = |size: usize, seals| {
            let file = memfd_create("x", MemfdFlags::ALLOW_SEALING).unwrap();
            ftruncate(&file, size as u64).unwrap();
            fcntl_add_seals(&file, seals).unwrap();
            file
        };
        for size in [0, 1, bytes(0), bytes(1) - 1, bytes(1) + 1, bytes(CORES_MAX + 1)] {
            assert!(Page::map(file(size, SealFlags::SHRINK)).is_err(), "{size} bytes");
        }
        assert!(Page::map(file(bytes(1), SealFlags::SHRINK)).is_err(), "of no form");
        let page = Page::create(1).unwrap();
        page.head().form.store(FORM + 1, Ordering::Relaxed);
        assert!(Page::map(again(&page)).is_err(), "of another form");
        let unsealed = file(bytes(1), SealFlags::empty());
        rustix::io::pwrite(&unsealed, &FORM.to_le_bytes(), 0).unwrap();
        assert!(Page::map(unsealed).is_err(), "could be cut off");
        assert!(ftruncate(&page, 0).is_err(), "ours cannot be cut off");
    }

    /// Runs this same test in a new program, which writes and then aborts: the page outlives it.
    #[test]
    fn it_tells_what_a_program_ran_that_is_dead() {
        const VARIABLE: &str = "REMPART_TEST_PAGE";
        if let Ok(fd) = std::env::var(VARIABLE) {
            // SAFETY: inherited for this purpose alone.
            let slots = Page::map(unsafe { OwnedFd::from_raw_fd(fd.parse().unwrap()) }).unwrap().forever();
            slots[0].beat();
            slots[0].zone(3, "dead.example");
            slots[0].stage(STAGE);
            std::process::abort();
        }
        let page = Page::create(1).unwrap();
        let inherited = again(&page);
        fcntl_setfd(&inherited, FdFlags::empty()).unwrap();
        let name = "page::tests::it_tells_what_a_program_ran_that_is_dead";
        let mut command = Command::new(std::env::current_exe().unwrap());
        let number = std::os::fd::AsRawFd::as_raw_fd(&inherited).to_string();
        let output = command.args(["--exact", name]).env(VARIABLE, number).output().unwrap();
        assert!(!output.status.success());
        let mark = page.slots()[0].read().unwrap();
        assert_eq!((mark.release, &*mark.zone, page.slots()[0].beats()), (3, "dead.example", 1));
    }
}
