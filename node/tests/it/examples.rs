use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use etl_test_services::PostgresServer;
use serde_json::Value;

use crate::site::{Site, walk};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples");

/// A copy of the examples, laid out as in the repository.
fn site() -> Site {
    let site = Site::new();
    let examples = Path::new(EXAMPLES).canonicalize().unwrap();
    walk(&examples, &mut |path| {
        let relative = path.strip_prefix(&examples).unwrap();
        let output = relative.starts_with("out") && relative != Path::new("out/.gitignore");
        if !output && !relative.starts_with(".actix-etl") {
            site.write(&format!("deploy/examples/{}", relative.display()), fs::read(path).unwrap());
        }
    });
    site
}

#[track_caller]
fn run(site: &Site, name: &str) -> Value {
    let file = format!("deploy/examples/{name}.yaml");
    site.run(&["run", &file, "--progress", "none", "-o", "json"]).code(0).json()
}

fn counter(summary: &Value, name: &str) -> u64 {
    summary["routes"].as_array().unwrap().iter().map(|route| route["counters"][name].as_u64().unwrap()).sum()
}

/// The rows of a file in any format, read back by the program itself.
#[track_caller]
fn rows(site: &Site, path: &str) -> Vec<Value> {
    site.write(
        "back.yaml",
        format!(
            "workflow:\n  name: back\n  source: {{ type: file, config: {{ path: \"{path}\" }} }}\n  transformations: \
             []\n  destination: {{ type: stdout }}\n"
        ),
    );
    let ended = site.run(&["run", "back.yaml", "--progress", "none"]).code(0);
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_example_is_valid_and_has_a_test() {
    let mut site = site();
    let database = PostgresServer::shared().fresh_database().unwrap();
    database.psql("CREATE TABLE customers (id bigint PRIMARY KEY, last_name text, email text, created_at timestamptz)").unwrap();
    site.set("PG_URL", database.url());
    // A build without them says which one has them.
    let full_build = ["sql"];
    let tested = [
        "by-country",
        "csv-to-jsonl",
        "data-protection",
        "dead-letters",
        "enrich-lookup",
        "fallback",
        "fan-in",
        "fan-out",
        "from-postgres",
        "incremental",
        "parameters",
        "parquet-parts",
        "quickstart",
        "route",
        "sql",
        "tags",
        "to-postgres",
        "upsert",
    ];
    let mut found: Vec<_> = fs::read_dir(EXAMPLES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !name.ends_with(".test"))
        .collect();
    found.sort();
    assert_eq!(found, tested);
    for name in tested {
        if full_build.contains(&name) && !cfg!(feature = "full") {
            site.run(&["lint", &format!("deploy/examples/{name}.yaml")]).code(1).says("--features full");
            continue;
        }
        site.run(&["lint", &format!("deploy/examples/{name}.yaml")]).code(0);
        site.run(&["plan", &format!("deploy/examples/{name}.yaml")]).code(0).says("exactly once");
    }
}

#[test]
fn quickstart_moves_the_paid_orders_to_a_table_and_a_file() {
    let site = site();
    for _ in 0..2 {
        let summary = run(&site, "quickstart");
        assert_eq!(counter(&summary, "delivered"), 2 * 341);
        assert_eq!(counter(&summary, "filtered"), 2 * 159);
    }
    let sql = |sql| site.number("deploy/examples/out/quickstart.db", sql);
    assert_eq!(sql("SELECT count(*) FROM paid_orders"), Some(341));
    assert_eq!(sql("SELECT sum(total_cents) FROM paid_orders"), Some(11_183_675));
    let rows = rows(&site, "deploy/examples/out/paid-orders.parquet");
    assert_eq!(rows.len(), 341);
    assert_eq!(rows.iter().map(|row| row["total_cents"].as_i64().unwrap()).sum::<i64>(), 11_183_675);
    let broken = rows.iter().find(|row| row["order_id"] == 1001).unwrap();
    assert_eq!(broken["note"], "leave with the neighbour,\nsecond floor");
}

#[test]
fn csv_to_jsonl_keeps_every_row_in_order() {
    let site = site();
    assert_eq!(counter(&run(&site, "csv-to-jsonl"), "delivered"), 500);
    let packed = fs::read(site.path("deploy/examples/out/orders.jsonl.gz")).unwrap();
    assert_eq!(packed[..2], [0x1f, 0x8b], "gzip");
    let rows = rows(&site, "deploy/examples/out/orders.jsonl.gz");
    assert!(rows.iter().map(|row| row["order_id"].as_u64().unwrap()).eq(1001..=1500));
    assert_eq!(rows[1]["note"], Value::Null);
}

#[test]
fn fan_in_brings_three_formats_into_one_table() {
    let site = site();
    assert_eq!(counter(&run(&site, "fan-in"), "delivered"), 100 + 120 + 150);
    let sql = |sql| site.number("deploy/examples/out/shops.db", sql);
    assert_eq!(sql("SELECT count(DISTINCT order_id) FROM orders"), Some(370));
    assert_eq!(sql("SELECT count(*) FROM orders WHERE channel = 'web'"), Some(150));
    assert_eq!(sql("SELECT count(*) FROM orders WHERE total_cents IS NULL OR country IS NULL"), Some(0));
}

#[test]
fn fan_out_gives_each_destination_its_own_rows() {
    let site = site();
    let summary = run(&site, "fan-out");
    assert_eq!(summary["routes"].as_array().unwrap().len(), 3);
    assert_eq!(counter(&summary, "read"), 1500);
    let orders = rows(&site, "deploy/examples/data/orders.csv");
    let german = rows(&site, "deploy/examples/out/german.csv");
    assert_eq!(german.len(), 128);
    assert!(german.iter().all(|row| row["country"] == "DE" && orders.contains(row)));
    let price = |row: &Value| row["quantity"].as_f64().unwrap() * row["unit_price"].as_f64().unwrap();
    let large = rows(&site, "deploy/examples/out/large.parquet");
    assert_eq!(large.len(), orders.iter().filter(|row| price(row) >= 500.0).count());
    let notes = rows(&site, "deploy/examples/out/notes.jsonl");
    assert_eq!(notes.len(), orders.iter().filter(|row| !row["note"].is_null()).count());
    assert!(notes.iter().all(|row| row["order"]["id"].is_u64() && row["text"].is_string()));
}

#[test]
fn dead_letters_set_the_six_faults_aside() {
    let site = site();
    let summary = run(&site, "dead-letters");
    assert_eq!(counter(&summary, "read"), 200);
    assert_eq!(counter(&summary, "dead_lettered"), 6, "{summary}");
    assert_eq!(counter(&summary, "delivered"), 194);
    let letters: Vec<String> =
        site.find("dead_letters").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let letters = letters.concat();
    assert_eq!(letters.lines().count(), 6);
    for fault in ["three", "n/a", "yesterday", "surplus"] {
        assert!(letters.contains(fault), "{fault} in {letters}");
    }
}

#[test]
fn a_fallback_has_what_cannot_be_read_and_what_cannot_be_computed_arrives_all_the_same() {
    let site = site();
    let summary = run(&site, "fallback");
    let unread = rows(&site, "deploy/examples/out/unread.jsonl");
    let sql = |sql| site.number("deploy/examples/out/fallback.db", sql).unwrap();
    let replaced =
        sql("SELECT count(*) FROM orders WHERE problem = 'division_by_zero' AND orders_per_thousand = 0");
    assert!(replaced > 0 && unread.len() + replaced as usize == 6, "the six faults: {replaced} {unread:?}");
    assert_eq!(sql("SELECT count(DISTINCT order_id) FROM orders") as usize, 200 - unread.len());
    assert_eq!(sql("SELECT count(*) FROM orders") as usize, 200 - unread.len());
    for row in &unread {
        let why = &row["_error"];
        assert!(row["record"].is_string() && why["step"] == "orders" && why["line"].is_u64(), "{row}");
    }
    let routes = summary["routes"].as_array().unwrap();
    assert!(routes.iter().all(|route| route["counters"]["dead_lettered"] == 0), "{summary}");
    let tested = site.run(&["test", "deploy/examples/fallback.yaml"]).code(0);
    tested.says("1 test");
    site.run(&["test", "deploy/examples/fallback.yaml", "--chaos"]).code(0);
    let shown = site
        .run(&["preview", "deploy/examples/fallback.yaml", "--records", "200", "-o", "json"])
        .code(0)
        .json();
    let step = |name: &str| {
        let steps = shown["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap_or_else(|| panic!("{name}: {shown}")).clone()
    };
    assert_eq!(step("lots-errors")["records"].as_array().map(Vec::len), Some(replaced as usize));
    assert_eq!(step("orders-errors")["records"].as_array().map(Vec::len), Some(unread.len()));
}

#[test]
fn upsert_can_be_repeated() {
    let site = site();
    let first = counter(&run(&site, "upsert"), "delivered");
    let sql = |sql| site.number("deploy/examples/out/customers.db", sql);
    assert_eq!(sql("SELECT count(*) FROM customers"), Some(first as i64));
    let file = "deploy/examples/data/customers.jsonl";
    let customers = site.read(file).replace("\"city\": \"Berlin\"", "\"city\": \"Potsdam\"");
    assert!(sql("SELECT count(*) FROM customers WHERE city = 'Berlin'") > Some(0));
    site.write(file, customers);
    assert_eq!(counter(&run(&site, "upsert"), "delivered"), first);
    assert_eq!(sql("SELECT count(*) FROM customers"), Some(first as i64));
    assert_eq!(sql("SELECT count(*) FROM customers WHERE city = 'Berlin'"), Some(0));
    assert!(sql("SELECT count(*) FROM customers WHERE city = 'Potsdam'") > Some(0));
}

#[test]
fn parquet_parts_grow_with_every_run() {
    let site = site();
    for runs in 1..=2 {
        run(&site, "parquet-parts");
        let rows = rows(&site, "deploy/examples/out/orders/*.parquet");
        assert_eq!(rows.len(), 500 * runs);
    }
}

#[test]
fn by_country_leaves_each_country_in_the_parts_of_one_shard() {
    let site = site();
    let summary = run(&site, "by-country");
    assert_eq!(summary["routes"].as_array().unwrap().len(), 1, "a destination is told once: {summary}");
    assert_eq!((counter(&summary, "read"), counter(&summary, "delivered")), (500, 341));
    // The second number of a part's name is that of the shard.
    let mut shards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut orders = BTreeSet::new();
    for path in site.find("out/by-country/part-") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let shard = name.split('-').nth(2).unwrap().to_owned();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let country = row["country"].to_string();
            assert!(row["cents"].as_u64().is_some_and(|cents| cents > 0), "{row}");
            assert!(orders.insert(row["order_id"].as_u64().unwrap()), "{row} is there twice");
            shards.entry(country).or_default().insert(shard.clone());
        }
    }
    assert_eq!(orders.len(), 341);
    assert!(shards.len() > 3 && shards.values().all(|shards| shards.len() == 1), "{shards:?}");
    assert!(shards.values().flatten().collect::<BTreeSet<_>>().len() > 1, "{shards:?}");
    let plan = site.run(&["plan", "deploy/examples/by-country.yaml"]).code(0);
    plan.says("divided by repartition: 4 shards by country");
}

#[test]
fn incremental_reads_each_file_once() {
    let site = site();
    assert_eq!(run(&site, "incremental")["records_read_here"], 100);
    assert_eq!(run(&site, "incremental")["records_read_here"], 0);
    let orders = site.read("deploy/examples/data/shops/berlin.csv").replace("201", "301");
    site.write("deploy/examples/data/shops/rome.csv", orders);
    assert_eq!(run(&site, "incremental")["records_read_here"], 100);
    assert_eq!(site.number("deploy/examples/out/incremental.db", "SELECT count(*) FROM orders"), Some(200));
}

#[test]
fn parameters_choose_what_is_loaded() {
    let site = site();
    let example = "deploy/examples/parameters.yaml";
    let orders = rows(&site, "deploy/examples/data/orders.csv");
    let of = |country: &str, least: i64| {
        let fits = |row: &&Value| row["country"] == country && row["quantity"].as_i64().unwrap() >= least;
        orders.iter().filter(fits).count() as u64
    };
    assert_eq!(counter(&run(&site, "parameters"), "delivered"), of("DE", 1));
    let given = ["--param", "country=CH", "--param", "least=2", "--progress", "none", "-o", "json"];
    let swiss = site.run(&[&["run", example], &given[..]].concat()).code(0).json();
    assert_eq!(counter(&swiss, "delivered"), of("CH", 2));
    assert!(of("CH", 2) > 0 && of("CH", 2) < of("CH", 1));
    let sql = |sql| site.number("deploy/examples/out/by-country.db", sql);
    assert_eq!(sql("SELECT count(*) FROM orders"), Some((of("DE", 1) + of("CH", 2)) as i64));
    assert_eq!(sql("SELECT count(DISTINCT run) FROM orders"), Some(2));
    site.run(&["run", example, "--param", "country=XX"]).code(1).says("E025");
}

#[test]
fn data_protection_lets_nothing_through() {
    let site = site();
    let summary = run(&site, "data-protection");
    let customers = rows(&site, "deploy/examples/data/customers.jsonl");
    let with_email: Vec<&Value> = customers.iter().filter(|customer| !customer["email"].is_null()).collect();
    assert_eq!(counter(&summary, "delivered"), with_email.len() as u64);
    let masked = rows(&site, "deploy/examples/out/protected-customers.jsonl");
    let mut hashes = BTreeMap::new();
    for (customer, masked) in with_email.into_iter().zip(&masked) {
        let (email, hidden) = (customer["email"].as_str().unwrap(), masked["email"].as_str().unwrap());
        assert_eq!((hidden.len(), &hidden[..4], &hidden[4..5]), (email.len(), &email[..4], "*"));
        assert_eq!(
            (&masked["name"]["first"], &masked["address"]),
            (&Value::from("****"), &customer["address"])
        );
        let hash = masked["name"]["last"].as_str().unwrap();
        assert_eq!(
            hashes.entry(customer["name"]["last"].to_string()).or_insert(hash),
            &hash,
            "equal names stay equal"
        );
    }
    assert_eq!(hashes.values().collect::<BTreeSet<_>>().len(), hashes.len());
}

#[test]
fn tags_have_a_row_each() {
    let site = site();
    run(&site, "tags");
    let customers = rows(&site, "deploy/examples/data/customers.jsonl");
    let tags = |customer: &Value| {
        let tags = customer["tags"].as_array().cloned().unwrap_or_default();
        tags.into_iter().map(|tag| tag.to_string()).collect::<BTreeSet<_>>().len() as i64
    };
    let sql = |sql| site.number("deploy/examples/out/tags.db", sql);
    assert_eq!(sql("SELECT count(*) FROM tags"), Some(customers.iter().map(tags).sum()));
    assert_eq!(
        sql("SELECT count(DISTINCT id) FROM tags"),
        Some(customers.iter().filter(|c| tags(c) > 0).count() as i64)
    );
    assert_eq!(
        sql("SELECT count(*) FROM tags WHERE tag IS NULL OR typeof(id) <> 'text' OR name_first IS NULL"),
        Some(0)
    );
    assert!(sql("SELECT max(position) FROM tags") > Some(0));
}

#[test]
fn route_gives_each_order_one_way() {
    let site = site();
    let summary = run(&site, "route");
    let orders = rows(&site, "deploy/examples/data/orders.csv");
    let cancelled = rows(&site, "deploy/examples/out/cancelled.csv");
    let neighbours = rows(&site, "deploy/examples/out/neighbours.jsonl");
    let others = rows(&site, "deploy/examples/out/others.jsonl");
    let is_cancelled = |row: &&Value| row["status"] == "cancelled";
    let is_near = |row: &&Value| ["DE", "AT", "CH"].map(Value::from).contains(&row["country"]);
    assert_eq!(cancelled.len(), orders.iter().filter(is_cancelled).count());
    assert_eq!(neighbours.len(), orders.iter().filter(|row| !is_cancelled(row) && is_near(row)).count());
    let left = orders.iter().filter(|row| !is_cancelled(row) && !is_near(row));
    let customers: BTreeSet<String> = others.iter().map(|row| row["customer_id"].to_string()).collect();
    assert_eq!(
        others.len(),
        left.clone().filter(|row| customers.contains(&row["customer_id"].to_string())).count()
    );
    assert!(!others.is_empty() && others.len() < left.count());
    let delivered = cancelled.len() + neighbours.len() + others.len();
    assert_eq!(counter(&summary, "delivered"), delivered as u64);
    assert_eq!(counter(&summary, "read"), 1500);
    assert_eq!(counter(&summary, "filtered"), 1500 - delivered as u64);
}

#[cfg(feature = "full")]
#[test]
fn sql_makes_positions_of_orders() {
    let site = site();
    let summary = run(&site, "sql");
    let orders = rows(&site, "deploy/examples/data/orders.csv");
    let wanted: Vec<&Value> =
        orders.iter().filter(|row| row["status"] == "paid" && row["country"] != "CH").collect();
    let positions = rows(&site, "deploy/examples/out/positions.jsonl");
    assert_eq!(counter(&summary, "delivered"), wanted.len() as u64);
    assert!(!wanted.is_empty() && wanted.len() < orders.len());
    for (order, position) in wanted.into_iter().zip(&positions) {
        assert_eq!(order["order_id"], position["order_id"]);
        assert_eq!(order["product"].as_str().unwrap().to_lowercase(), position["product"]);
        let quantity = order["quantity"].as_f64().unwrap();
        let total = quantity * order["unit_price"].as_f64().unwrap();
        assert!((position["total"].as_f64().unwrap() - total).abs() < 1e-6, "{position}");
        assert_eq!(position["pieces"], if quantity > 1.0 { "several" } else { "one" });
    }
}

#[test]
fn customers_go_to_postgres_and_back() {
    let mut site = site();
    let database = PostgresServer::shared().fresh_database().unwrap();
    site.set("PG_URL", database.url());
    let customers = rows(&site, "deploy/examples/data/customers.jsonl");
    for _ in 0..2 {
        assert_eq!(counter(&run(&site, "to-postgres"), "delivered"), customers.len() as u64);
    }
    let count = |sql: &str| database.psql(sql).unwrap().trim().parse::<usize>().unwrap();
    assert_eq!(count("SELECT count(*) FROM customers"), customers.len());
    let cities = customers.iter().filter(|customer| customer["address"]["city"] == "Berlin").count();
    assert_eq!(count("SELECT count(*) FROM customers WHERE address ->> 'city' = 'Berlin'"), cities);
    let test = customers.iter().filter(|customer| {
        customer["tags"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag == "test"))
    });
    assert_eq!(count("SELECT count(*) FROM customers WHERE 'test' = ANY (tags)"), test.count());
    let with_email = count("SELECT count(*) FROM customers WHERE email IS NOT NULL");
    assert_eq!(counter(&run(&site, "from-postgres"), "delivered"), with_email as u64);
    assert_eq!(rows(&site, "deploy/examples/out/customers.parquet").len(), with_email);
}

#[test]
fn every_order_gets_its_country_from_a_table() {
    let site = site();
    let summary = run(&site, "enrich-lookup");
    assert_eq!(counter(&summary, "delivered"), 500);
    let rows = rows(&site, "deploy/examples/out/enriched.jsonl");
    let origins: BTreeMap<String, Value> =
        rows.iter().map(|row| (row["country"].as_str().unwrap().to_owned(), row["origin"].clone())).collect();
    assert_eq!(origins["DE"], serde_json::json!({"name": "Germany", "vat": 19.0}));
    assert_eq!(origins["CH"], serde_json::json!({"name": "elsewhere", "vat": null}));
    assert_eq!(origins.len(), 9);
}
