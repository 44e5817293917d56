use super::disk::Damage;

/// A run in which a sync is left out.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Control {
    pub name: &'static str,
    pub cuts: u32,
    /// Acknowledged writes that were lost, and starts that were refused because the data is damaged.
    pub damaged: u64,
}

/// What losses of power did.
#[derive(Debug, Default, Clone, serde::Serialize)]
pub struct Report {
    pub seed: u64,
    pub seconds: f64,
    pub cuts: u32,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Keys that did not have what was acknowledged last.
    pub lost: u64,
    /// Starts that were refused.
    pub refused_to_start: u64,
    /// What was not synced at a cut, and what became of it.
    pub writes_dropped: u64,
    pub writes_torn: u64,
    pub writes_reordered: u64,
    pub writes_kept: u64,
    pub names_lost: u64,
    pub controls: Vec<Control>,
}

impl Report {
    pub fn add(&mut self, damage: Damage) {
        self.writes_dropped += damage.writes.dropped;
        self.writes_torn += damage.writes.torn;
        self.writes_reordered += damage.writes.reordered;
        self.writes_kept += damage.writes.kept;
        self.names_lost += damage.names;
    }

    /// Whether nothing was lost although there was something to lose, and every control run lost something.
    pub fn holds(&self) -> bool {
        let bit = self.writes_dropped > 0 && self.writes_torn > 0 && self.acknowledged > 0;
        let seen = self.controls.iter().all(|control| control.damaged > 0);
        bit && seen && self.lost == 0 && self.refused_to_start == 0
    }

    /// Prints it.
    pub fn show(&self) {
        println!(
            "{} cuts of the power, seed {}, {:.0} s: acknowledged writes lost: {} of {}",
            self.cuts, self.seed, self.seconds, self.lost, self.acknowledged
        );
        println!(
            "  not synced: {} writes dropped, {} torn, {} kept ({} after one that was not), {} names lost",
            self.writes_dropped, self.writes_torn, self.writes_kept, self.writes_reordered, self.names_lost
        );
        for control in &self.controls {
            let (name, damaged, cuts) = (control.name, control.damaged, control.cuts);
            println!("  control, {name}: damage seen {damaged} times after {cuts} cuts");
        }
    }
}
