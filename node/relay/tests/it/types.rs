use std::sync::Arc;

use arrow::array::*;
use arrow::compute::concat_batches;
use arrow::datatypes::*;
use etl_model::Batch;
use etl_sdk::Destination;
use proptest::prelude::*;

use crate::fakes::{Host, Memory};

type Values = [Option<i64>];

fn texts(values: &Values) -> impl Iterator<Item = Option<String>> {
    values.iter().map(|n| n.map(|n| if n % 3 == 0 { String::new() } else { format!("text é {n}").repeat(3) }))
}

fn primitive<T: ArrowPrimitiveType>(values: &Values, of: impl Fn(i64) -> T::Native) -> PrimitiveArray<T> {
    values.iter().map(|n| n.map(&of)).collect()
}

fn list(values: &Values) -> ListArray {
    ListArray::from_iter_primitive::<Int32Type, _, _>(
        values
            .iter()
            .map(|n| n.map(|n| (0..n.rem_euclid(4)).map(move |i| (i != 2).then_some((n + i) as i32)))),
    )
}

fn structs(values: &Values) -> StructArray {
    let fields = Fields::from(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("l", list(values).data_type().clone(), true),
        Field::new("t", DataType::Utf8, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(primitive::<Int64Type>(values, |n| n)),
        Arc::new(list(values)),
        Arc::new(texts(values).collect::<StringArray>()),
    ];
    let nulls = values.iter().map(|n| n.is_some()).collect::<Vec<_>>();
    StructArray::new(fields, columns, Some(nulls.into()))
}

fn map(values: &Values) -> MapArray {
    let mut builder = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for n in values {
        for i in 0..n.unwrap_or(0).rem_euclid(3) {
            builder.keys().append_value(format!("k{i}"));
            builder.values().append_option((i != 1).then_some(i));
        }
        builder.append(n.is_some()).unwrap();
    }
    builder.finish()
}

/// A column of every type that sources, formats and transformations make.
fn columns(values: &Values) -> Vec<ArrayRef> {
    let of = |n: i64| n;
    let timestamps = primitive::<TimestampMicrosecondType>(values, of);
    let days = |n: i64| IntervalMonthDayNano::new(n as i32, (n >> 8) as i32, n);
    let bytes = || texts(values).map(|text| text.map(String::into_bytes));
    let fixed = values.iter().map(|n| n.map(i64::to_le_bytes));
    vec![
        Arc::new(NullArray::new(values.len())),
        Arc::new(values.iter().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>()),
        Arc::new(primitive::<Int8Type>(values, |n| n as i8)),
        Arc::new(primitive::<Int16Type>(values, |n| n as i16)),
        Arc::new(primitive::<Int32Type>(values, |n| n as i32)),
        Arc::new(primitive::<Int64Type>(values, of)),
        Arc::new(primitive::<UInt8Type>(values, |n| n as u8)),
        Arc::new(primitive::<UInt16Type>(values, |n| n as u16)),
        Arc::new(primitive::<UInt32Type>(values, |n| n as u32)),
        Arc::new(primitive::<UInt64Type>(values, |n| n as u64)),
        Arc::new(primitive::<Float32Type>(values, |n| n as f32 / 7.0)),
        Arc::new(primitive::<Float64Type>(values, |n| n as f64 / 7.0)),
        Arc::new(primitive::<Date32Type>(values, |n| n as i32)),
        Arc::new(primitive::<Date64Type>(values, of)),
        Arc::new(primitive::<Time32SecondType>(values, |n| n as i32)),
        Arc::new(primitive::<Time32MillisecondType>(values, |n| n as i32)),
        Arc::new(primitive::<Time64MicrosecondType>(values, of)),
        Arc::new(primitive::<Time64NanosecondType>(values, of)),
        Arc::new(primitive::<TimestampSecondType>(values, of)),
        Arc::new(primitive::<TimestampMillisecondType>(values, of)),
        Arc::new(timestamps.clone()),
        Arc::new(timestamps.with_timezone("Europe/Berlin")),
        Arc::new(primitive::<TimestampNanosecondType>(values, of).with_timezone("+00:00")),
        Arc::new(primitive::<DurationMillisecondType>(values, of)),
        Arc::new(primitive::<IntervalYearMonthType>(values, |n| n as i32)),
        Arc::new(primitive::<IntervalMonthDayNanoType>(values, days)),
        Arc::new(
            primitive::<Decimal32Type>(values, |n| n as i32 % 1000).with_precision_and_scale(9, 2).unwrap(),
        ),
        Arc::new(primitive::<Decimal64Type>(values, |n| n % 1000).with_precision_and_scale(18, 4).unwrap()),
        Arc::new(primitive::<Decimal128Type>(values, i128::from).with_precision_and_scale(38, 10).unwrap()),
        Arc::new(
            primitive::<Decimal256Type>(values, |n| i256::from_i128(i128::from(n)))
                .with_precision_and_scale(76, 20)
                .unwrap(),
        ),
        Arc::new(texts(values).collect::<StringArray>()),
        Arc::new(texts(values).collect::<LargeStringArray>()),
        Arc::new(texts(values).collect::<StringViewArray>()),
        Arc::new(bytes().collect::<BinaryArray>()),
        Arc::new(bytes().collect::<LargeBinaryArray>()),
        Arc::new(bytes().collect::<BinaryViewArray>()),
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(fixed, 8).unwrap()),
        Arc::new(
            texts(values)
                .collect::<Vec<_>>()
                .iter()
                .map(Option::as_deref)
                .collect::<DictionaryArray<Int32Type>>(),
        ),
        Arc::new(list(values)),
        Arc::new(LargeListArray::from_iter_primitive::<Float64Type, _, _>(
            values.iter().map(|n| n.map(|n| vec![Some(n as f64); n.rem_euclid(3) as usize])),
        )),
        Arc::new(FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(
            values.iter().map(|n| n.map(|n| [Some(n), None])),
            2,
        )),
        Arc::new(structs(values)),
        Arc::new(map(values)),
    ]
}

/// A batch of some of the columns.
fn batch(all: &[ArrayRef], chosen: &[usize], gaps: &[u64]) -> Batch {
    let rows = all[0].len();
    let columns: Vec<ArrayRef> = chosen.iter().map(|&i| Arc::clone(&all[i % all.len()])).collect();
    let metadata = |i: usize| std::collections::HashMap::from([("of".to_owned(), i.to_string())]);
    let fields = columns.iter().enumerate().map(|(i, column)| {
        // Two columns of one name must stay two.
        Field::new(format!("c{}", i / 2), column.data_type().clone(), true).with_metadata(metadata(i))
    });
    let schema = Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata(99));
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let records = RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).unwrap();
    let mut next = 0;
    let ordinals = gaps.iter().cycle().take(rows).map(|gap| {
        next += gap;
        next
    });
    Batch::new(records, ordinals.collect::<Vec<_>>().into()).unwrap()
}

/// Sends a batch through a channel and returns what has arrived.
async fn relayed(host: &Host, memory: &Memory, partition: usize, batch: &Batch) -> Vec<Batch> {
    let sink = host.destination(host.relay(), memory);
    let (mut writer, marker) = host.fenced(&sink, partition, 1).await.unwrap();
    writer.write(sink.encoder().encode(batch.clone()).unwrap()).await.unwrap();
    let unit = Host::unit(&marker, u64::MAX);
    writer.stage(&unit).await.unwrap();
    writer.commit(&unit).await.unwrap();
    memory.content.lock().unwrap().rows.remove(&host.route(partition)).unwrap()
}

#[test]
fn batches_of_all_types_arrive_as_they_are() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let memory = Memory::default();
    let host = runtime.block_on(async { Host::of(&memory) });
    let partition = std::cell::Cell::new(0);
    let strategy = (
        prop::collection::vec(any::<Option<i64>>(), 1..40),
        prop::collection::vec(any::<usize>(), 0..12),
        prop::collection::vec(1..u64::MAX / 100, 1..10),
        any::<(prop::sample::Index, prop::sample::Index)>(),
    );
    let config = ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() };
    let result = proptest::test_runner::TestRunner::new(config).run(
        &strategy,
        |(values, chosen, gaps, (from, rows))| {
            let whole = batch(&columns(&values), &chosen, &gaps);
            // A part of a batch must not bring what it does not show.
            let from = from.index(values.len());
            let rows = 1 + rows.index(values.len() - from);
            let part = whole.slice(from, rows);
            partition.set(partition.get() + 1);
            let arrived = runtime.block_on(relayed(&host, &memory, partition.get(), &part));
            prop_assert_eq!(arrived, vec![part]);
            Ok(())
        },
    );
    result.unwrap();
    runtime.block_on(host.stop());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_arrives_whole_and_in_pieces() {
    let memory = Memory::default();
    let host = Host::of(&memory);
    let values: Vec<Option<i64>> = (0..20_000).map(|n| (n % 11 != 0).then_some(n * 7919)).collect();
    let all = columns(&values);
    for index in 0..all.len() {
        let whole = batch(&all, &[index], &[1, 5, 2]);
        let arrived = relayed(&host, &memory, index, &whole).await;
        let ordinals: Vec<u64> =
            arrived.iter().flat_map(|batch| batch.ordinals().values().to_vec()).collect();
        assert_eq!(ordinals, whole.ordinals().values().to_vec());
        let records = arrived.iter().map(Batch::records);
        assert_eq!(&concat_batches(&whole.schema(), records).unwrap(), whole.records());
    }
    host.stop().await;
}
