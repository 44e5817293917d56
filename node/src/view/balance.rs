use etl_model::Counters;

use super::count;

/// What became of the records of a route, as an equation.
pub(super) fn balance(counters: &Counters) -> String {
    let Counters { read, delivered, filtered, dead_lettered, failed, created, .. } = *counters;
    let made = if created > 0 { format!(" + {} made of them", count(created)) } else { String::new() };
    format!(
        "{} read{made} = {} delivered + {} filtered + {} dead-lettered + {} failed",
        count(read),
        count(delivered),
        count(filtered),
        count(dead_lettered),
        count(failed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_were_made_show_only_where_there_are_any() {
        let none = Counters { read: 3, delivered: 2, filtered: 1, ..Counters::default() };
        assert_eq!(balance(&none), "3 read = 2 delivered + 1 filtered + 0 dead-lettered + 0 failed");
        let some = Counters { created: 1000, delivered: 1002, ..none };
        assert_eq!(
            balance(&some),
            "3 read + 1,000 made of them = 1,002 delivered + 1 filtered + 0 dead-lettered + 0 failed"
        );
    }
}
