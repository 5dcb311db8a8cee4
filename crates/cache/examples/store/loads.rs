//! What is asked for: numbers of objects, the same in each run.

/// Objects that are asked for again.
pub(crate) const OBJECTS: u64 = 1_000_000;
/// Requests of a load. The first half warms the store.
const REQUESTS: usize = 4_000_000;
/// One scan asks for so many objects that nobody asked for before.
const SCAN: u64 = 10_000;

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Ranks whose frequency falls with the power 0.9.
pub(crate) struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    pub(crate) fn new(ranks: u64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=ranks)
            .map(|rank| {
                sum += (rank as f64).powf(-0.9);
                sum
            })
            .collect();
        Self { sums }
    }

    pub(crate) fn rank(&self, dice: &mut Dice) -> u64 {
        let at = dice.part() * self.sums.last().copied().unwrap_or_default();
        self.sums.partition_point(|sum| *sum < at) as u64
    }
}

/// The size of an object: log-normal, the same whenever it is asked for.
pub(crate) fn weight(object: u64, spread: f64) -> u64 {
    let mut dice = Dice(object ^ 0x5a5a_5a5a);
    let (radius, angle) = ((-2.0 * dice.part().max(1e-12).ln()).sqrt(), dice.part() * std::f64::consts::TAU);
    ((8192.0 * (radius * angle.cos() * spread).exp()) as u64).clamp(256, 16 << 20)
}

/// A load and its name.
pub(crate) type Load = (&'static str, Vec<u64>);

/// All loads.
pub(crate) fn all() -> Vec<Load> {
    let zipf = Zipf::new(OBJECTS);
    let plain = made(|dice, _, _| zipf.rank(dice));
    let scans = made(|dice, turn, fresh| if turn / SCAN % 5 == 4 { fresh() } else { zipf.rank(dice) });
    let wonders = made(|dice, _, fresh| if dice.roll() % 2 == 0 { fresh() } else { zipf.rank(dice) });
    let drift = made(|dice, turn, _| (zipf.rank(dice) + turn / 20) % OBJECTS);
    vec![
        ("Zipf 0.9", plain),
        ("… with 20 % scans", scans),
        ("… half asked for once", wonders),
        ("… that drifts", drift),
    ]
}

fn made(mut next: impl FnMut(&mut Dice, u64, &mut dyn FnMut() -> u64) -> u64) -> Vec<u64> {
    let (mut dice, mut last) = (Dice(1), OBJECTS);
    (0..REQUESTS as u64)
        .map(|turn| {
            next(&mut dice, turn, &mut || {
                last += 1;
                last
            })
        })
        .collect()
}
