//! Hit ratios by objects and by bytes.

use rempart_cache::Store;

use crate::loads::{self, OBJECTS, weight};
use crate::peers::{self, Cache, Lru, S3Fifo};

/// Prints the table, for sizes that differ so much.
pub(crate) fn print(spread: f64) {
    let bytes_max = (0..OBJECTS).map(|object| weight(object, spread)).sum::<u64>() / 10;
    println!(
        "\nHit ratio by objects / bytes, log-normal sizes with sigma {spread}, {} MiB:\n",
        bytes_max >> 20
    );
    println!(
        "| load | ours | S3-FIFO | moka (W-TinyLFU) | quick_cache | LRU |\n| --- | --- | --- | --- | --- | --- |"
    );
    for (name, load) in loads::all() {
        let caches: [Box<dyn Cache>; 5] = [
            Box::new(Store::new(bytes_max)),
            Box::new(S3Fifo::new(bytes_max)),
            Box::new(peers::moka(bytes_max)),
            Box::new(peers::quick(bytes_max, OBJECTS as usize / 10)),
            Box::new(Lru::new(bytes_max)),
        ];
        print!("| {name} |");
        for mut cache in caches {
            let (objects, bytes) = ratios(&mut *cache, &load, spread);
            print!(" {objects:.1} / {bytes:.1} |");
        }
        println!();
    }
}

/// The ratios of the second half of a load, in per cent.
fn ratios(cache: &mut dyn Cache, load: &[u64], spread: f64) -> (f64, f64) {
    let (warm, counted) = load.split_at(load.len() / 2);
    for object in warm {
        cache.ask(*object, weight(*object, spread));
    }
    let (mut hits, mut hit_bytes, mut bytes) = (0, 0, 0);
    for object in counted {
        let weight = weight(*object, spread);
        bytes += weight;
        if cache.ask(*object, weight) {
            hits += 1;
            hit_bytes += weight;
        }
    }
    (f64::from(hits) * 100.0 / counted.len() as f64, hit_bytes as f64 * 100.0 / bytes as f64)
}
