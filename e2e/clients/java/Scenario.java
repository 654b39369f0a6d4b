import static java.util.stream.Collectors.toSet;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromB;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromBool;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromBs;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromL;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromM;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromN;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromNs;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromNul;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromS;
import static software.amazon.awssdk.services.dynamodb.model.AttributeValue.fromSs;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Expression;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbAtomicCounter;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbVersionAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondarySortKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.BatchGetItemEnhancedRequest;
import software.amazon.awssdk.enhanced.dynamodb.model.BatchWriteItemEnhancedRequest;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryEnhancedRequest;
import software.amazon.awssdk.enhanced.dynamodb.model.ReadBatch;
import software.amazon.awssdk.enhanced.dynamodb.model.WriteBatch;
import software.amazon.awssdk.retries.api.BackoffStrategy;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeDefinition;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.KeySchemaElement;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ReturnConsumedCapacity;
import software.amazon.awssdk.services.dynamodb.model.ReturnValue;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.Select;
import software.amazon.awssdk.services.dynamodb.model.TableStatus;
import software.amazon.awssdk.services.dynamodb.model.WriteRequest;
import software.amazon.awssdk.services.dynamodb.waiters.DynamoDbWaiter;

/**
 * What a Java program does with the database, with an unmodified AWS SDK for Java 2: its client, and
 * its enhanced client with a bean. The endpoint, the region and the credentials come from the
 * environment, as in any program; nothing else is set.
 */
public final class Scenario {
    private static final String MUSIC = "Music";
    private static final String ALBUMS = "Albums";
    private static final String SHOWS = "Shows";
    private static final Map<String, AttributeValue> KEY = key("Nina Simone", 1965);

    private final DynamoDbClient db = DynamoDbClient.create();
    /** Its pauses are shorter than the 20 seconds that it has by itself. */
    private final DynamoDbWaiter waiter = DynamoDbWaiter.builder()
            .client(db)
            .overrideConfiguration(waiting -> waiting
                    .backoffStrategyV2(BackoffStrategy.fixedDelayWithoutJitter(Duration.ofMillis(100)))
                    .maxAttempts(600))
            .build();
    private int checks = 0;

    public static void main(String[] arguments) {
        Scenario scenario = new Scenario();
        scenario.createTable();
        scenario.items();
        scenario.batches();
        scenario.refusals();
        scenario.deleteTable();
        scenario.beans();
        scenario.queries();
        System.out.printf("aws-sdk-java %s: %d checks passed%n", VersionInfo.SDK_VERSION, scenario.checks);
    }

    /** Counts a comparison and ends the program if it fails. */
    private void check(String what, Object actual, Object expected) {
        checks++;
        if (!Objects.equals(actual, expected)) {
            throw new AssertionError("%s:%n  expected %s%n  answered %s".formatted(what, expected, actual));
        }
    }

    /** What a call was refused with, which must be of this type. */
    private <E extends Exception> E refused(String what, Class<E> type, Runnable call) {
        checks++;
        try {
            call.run();
        } catch (Exception error) {
            if (type.isInstance(error)) {
                return type.cast(error);
            }
            throw new AssertionError(what + ": expected " + type.getSimpleName(), error);
        }
        throw new AssertionError(what + ": expected " + type.getSimpleName() + ", and it was done");
    }

    private void createTable() {
        var created = db.createTable(table -> table
                .tableName(MUSIC)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .attributeDefinitions(
                        AttributeDefinition.builder()
                                .attributeName("Artist").attributeType(ScalarAttributeType.S).build(),
                        AttributeDefinition.builder()
                                .attributeName("Year").attributeType(ScalarAttributeType.N).build())
                .keySchema(
                        KeySchemaElement.builder().attributeName("Artist").keyType(KeyType.HASH).build(),
                        KeySchemaElement.builder().attributeName("Year").keyType(KeyType.RANGE).build()))
                .tableDescription();
        check("status at once", created.tableStatus(), TableStatus.CREATING);
        var waited = waiter.waitUntilTableExists(table -> table.tableName(MUSIC));
        var described = waited.matched().response().orElseThrow().table();
        check("status after the waiter", described.tableStatus(), TableStatus.ACTIVE);
        check("id", described.tableId(), created.tableId());
        check("creation", described.creationDateTime(), created.creationDateTime());
        check("key", described.keySchema(), created.keySchema());
        check("names", db.listTables().tableNames(), List.of(MUSIC));
    }

    /** Writes, reads, updates and deletes items. */
    private void items() {
        var song = song();
        var put = db.putItem(request -> request
                .tableName(MUSIC).item(song).returnConsumedCapacity(ReturnConsumedCapacity.TOTAL));
        check("capacity of a write", put.consumedCapacity().capacityUnits(), 1.0);
        var got = db.getItem(request -> request.tableName(MUSIC).key(KEY).consistentRead(true));
        check("item", plain(got.item()), plain(song));

        update(song);
        conditions(song);
        var part = db.getItem(request -> request
                .tableName(MUSIC).key(KEY).projectionExpression("Title, Credits[0].takes[1], Stats.plays"));
        check("projected item", part.item(), Map.of(
                "Title", fromS("Sinnerman"),
                "Credits", fromL(List.of(fromM(Map.of("takes", fromL(List.of(fromN("2"))))))),
                "Stats", fromM(Map.of("plays", fromN("42")))));

        var old = db.deleteItem(request -> request
                .tableName(MUSIC).key(KEY).returnValues(ReturnValue.ALL_OLD));
        check("deleted item", plain(old.attributes()), plain(song));
        var missing = db.getItem(request -> request.tableName(MUSIC).key(KEY).consistentRead(true));
        check("missing item", missing.hasItem(), false);

        // Large enough for a server to compress its answer, and then the checksum is one of the compressed bytes.
        var large = new HashMap<>(key("Nina Simone", 1966));
        large.put("Lyrics", fromS("la ".repeat(100_000)));
        db.putItem(request -> request.tableName(MUSIC).item(large));
        var read = db.getItem(request -> request.tableName(MUSIC).key(key("Nina Simone", 1966)));
        check("large item", read.item(), large);
        db.deleteItem(request -> request.tableName(MUSIC).key(key("Nina Simone", 1966)));
    }

    /** Changes the stored song, and the one here in the same way. */
    private void update(Map<String, AttributeValue> song) {
        var updated = db.updateItem(request -> request
                .tableName(MUSIC)
                .key(KEY)
                .updateExpression("SET Title = :title, #stats.plays = #stats.plays + :one ADD Sold :sold REMOVE Label")
                .expressionAttributeNames(Map.of("#stats", "Stats"))
                .expressionAttributeValues(Map.of(
                        ":title", fromS("Sinnerman"), ":one", fromN("1"), ":sold", fromN("3")))
                .returnValues(ReturnValue.ALL_NEW));
        song.put("Title", fromS("Sinnerman"));
        song.put("Stats", fromM(Map.of("plays", fromN("42"))));
        song.put("Sold", fromN("3"));
        song.remove("Label");
        check("updated item", plain(updated.attributes()), plain(song));
    }

    /** Conditions fail with an error of their own type, which brings the item if it was asked for. */
    private void conditions(Map<String, AttributeValue> song) {
        var absent = refused("put", ConditionalCheckFailedException.class, () -> db.putItem(request -> request
                .tableName(MUSIC)
                .item(KEY)
                .conditionExpression("attribute_not_exists(Artist)")
                .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)));
        check("message", absent.awsErrorDetails().errorMessage(), "The conditional request failed");
        check("item of a failed condition", plain(absent.item()), plain(song));
        var played = refused("delete", ConditionalCheckFailedException.class, () -> db.deleteItem(request -> request
                .tableName(MUSIC)
                .key(KEY)
                .conditionExpression("Stats.plays BETWEEN :low AND :high AND contains(Tags, :tag)")
                .expressionAttributeValues(Map.of(
                        ":low", fromN("50"), ":high", fromN("100"), ":tag", fromS("jazz")))));
        check("item that nobody asked for", played.hasItem(), false);
    }

    /** Writes, reads, scans and deletes 25 items. */
    private void batches() {
        var keys = IntStream.range(0, 25).mapToObj(year -> key("Artist " + year % 7, year)).toList();
        var puts = keys.stream()
                .map(key -> WriteRequest.builder().putRequest(put -> put.item(key)).build()).toList();
        var written = db.batchWriteItem(request -> request.requestItems(Map.of(MUSIC, puts)));
        check("unprocessed", written.unprocessedItems(), Map.of());

        var asked = KeysAndAttributes.builder().keys(keys).consistentRead(true).build();
        var read = db.batchGetItem(request -> request.requestItems(Map.of(MUSIC, asked)));
        var found = new ArrayList<>(read.responses().get(MUSIC));
        found.sort(Comparator.comparing(item -> Integer.valueOf(item.get("Year").n())));
        check("batch", found, keys);
        check("unprocessed", read.unprocessedKeys(), Map.of());

        var pages = db.scanPaginator(request -> request.tableName(MUSIC).limit(10)).stream()
                .map(page -> page.items().size()).toList();
        check("first pages", pages.subList(0, 2), List.of(10, 10));
        check("scanned", pages.stream().mapToInt(Integer::intValue).sum(), 25);

        var deletes = keys.stream()
                .map(key -> WriteRequest.builder().deleteRequest(delete -> delete.key(key)).build()).toList();
        db.batchWriteItem(request -> request.requestItems(Map.of(MUSIC, deletes)));
        var left = db.scan(request -> request.tableName(MUSIC).select(Select.COUNT).consistentRead(true));
        check("scan after", left.count(), 0);
    }

    /** The errors that programs branch on. */
    private void refusals() {
        var missing = refused("missing table", ResourceNotFoundException.class, () ->
                db.getItem(request -> request.tableName("Missing").key(KEY)));
        check("message", missing.awsErrorDetails().errorMessage(), "Requested resource not found");
        // The SDK has no type for this one; programs ask for its code.
        var invalid = refused("item without its key", DynamoDbException.class, () ->
                db.putItem(request -> request.tableName(MUSIC).item(Map.of("Artist", fromS("Nobody")))));
        check("code", invalid.awsErrorDetails().errorCode(), "ValidationException");
        check("message", invalid.awsErrorDetails().errorMessage(),
                "One or more parameter values were invalid: Missing the key Year in the item");
    }

    private void deleteTable() {
        var deleted = db.deleteTable(table -> table.tableName(MUSIC)).tableDescription();
        check("status at once", deleted.tableStatus(), TableStatus.DELETING);
        waiter.waitUntilTableNotExists(table -> table.tableName(MUSIC));
        check("names", db.listTables().tableNames(), List.of());
    }

    /** The enhanced client, whose extensions guard the version of a bean and count its updates. */
    private void beans() {
        var enhanced = DynamoDbEnhancedClient.builder().dynamoDbClient(db).build();
        var table = enhanced.table(ALBUMS, TableSchema.fromBean(Album.class));
        table.createTable();
        waiter.waitUntilTableExists(request -> request.tableName(ALBUMS));

        var album = Album.of("Nina Simone", 1965);
        album.setTracks(List.of("Be My Husband", "Nobody"));
        table.putItem(album);
        var stored = table.getItem(read -> read.key(album.key()).consistentRead(true));
        check("tracks", stored.getTracks(), album.getTracks());
        check("version after a put", stored.getVersion(), 1);
        check("counter after a put", stored.getEdits(), 0L);

        stored.setTracks(List.of("Sinnerman"));
        var updated = table.updateItem(stored);
        check("tracks after an update", updated.getTracks(), List.of("Sinnerman"));
        check("version after an update", updated.getVersion(), 2);
        check("counter after an update", updated.getEdits(), 1L);

        // `stored` has version 1 still, and `album` has none.
        refused("stale update", ConditionalCheckFailedException.class, () -> table.updateItem(stored));
        refused("stale put", ConditionalCheckFailedException.class, () -> table.putItem(stored));
        refused("second first put", ConditionalCheckFailedException.class, () -> table.putItem(album));
        refused("guarded delete", ConditionalCheckFailedException.class, () -> table.deleteItem(request -> request
                .key(album.key())
                .conditionExpression(Expression.builder()
                        .expression("size(#tracks) > :one")
                        .putExpressionName("#tracks", "tracks")
                        .putExpressionValue(":one", fromN("1"))
                        .build())));
        check("version at last", table.deleteItem(album.key()).getVersion(), 2);
        manyBeans(enhanced, table);

        table.deleteTable();
        waiter.waitUntilTableNotExists(request -> request.tableName(ALBUMS));
    }

    /** Beans with a version are written one by one, since a batch has no conditions; the rest goes in batches. */
    private void manyBeans(DynamoDbEnhancedClient enhanced, DynamoDbTable<Album> table) {
        var years = IntStream.range(0, 25).boxed().collect(toSet());
        var reads = ReadBatch.builder(Album.class).mappedTableResource(table);
        var deletes = WriteBatch.builder(Album.class).mappedTableResource(table);
        for (int year : years) {
            var album = Album.of("Artist " + year % 7, year);
            table.putItem(album);
            reads.addGetItem(album.key());
            deletes.addDeleteItem(album.key());
        }
        var read = enhanced.batchGetItem(
                BatchGetItemEnhancedRequest.builder().readBatches(reads.build()).build());
        check("beans read", read.resultsForTable(table).stream().map(Album::getYear).collect(toSet()), years);
        var scanned = table.scan(request -> request.limit(10)).items().stream();
        check("beans scanned", scanned.map(Album::getYear).collect(toSet()), years);

        var deleted = enhanced.batchWriteItem(
                BatchWriteItemEnhancedRequest.builder().writeBatches(deletes.build()).build());
        check("unprocessed beans", deleted.unprocessedDeleteItemsForTable(table), List.of());
        check("beans left", table.scan().items().stream().count(), 0L);
    }

    /** Queries of a table and its local index, in both directions, page by page, by the enhanced client. */
    private void queries() {
        var enhanced = DynamoDbEnhancedClient.builder().dynamoDbClient(db).build();
        var table = enhanced.table(SHOWS, TableSchema.fromBean(Show.class));
        // With the indexes of the bean, all attributes in them.
        table.createTable();
        waiter.waitUntilTableExists(request -> request.tableName(SHOWS));
        table.putItem(Show.of("Bern", 900));
        table.putItem(Show.of("Basel", 1500));
        table.putItem(Show.of("Brig", 40));
        table.putItem(Show.of("Zug", null));

        var artist = QueryConditional.keyEqualTo(Key.builder().partitionValue("A").build());
        check("query", cities(table.query(artist).items().stream()), List.of("Basel", "Bern", "Brig", "Zug"));
        var beginning = QueryConditional.sortBeginsWith(sorted("B"));
        check("beginning", cities(table.query(beginning).items().stream()), List.of("Basel", "Bern", "Brig"));
        var between = QueryConditional.sortBetween(sorted("Bern"), sorted("C"));
        check("between", cities(table.query(between).items().stream()), List.of("Bern", "Brig"));

        var backwards = QueryEnhancedRequest.builder()
                .queryConditional(artist).scanIndexForward(false).limit(2).build();
        var pages = table.query(backwards).stream().toList();
        check("backwards", cities(pages.get(0).items().stream()), List.of("Zug", "Brig"));
        check("cursor", pages.get(0).lastEvaluatedKey(), Map.of("Artist", fromS("A"), "City", fromS("Brig")));
        check("and on", cities(pages.get(1).items().stream()), List.of("Bern", "Basel"));
        // A page that ends with the last item leads on to one that is empty.
        check("pages", pages.stream().map(page -> page.items().size()).toList(), List.of(2, 2, 0));

        var filtered = table.query(query -> query
                .queryConditional(artist)
                .attributesToProject("City")
                .returnConsumedCapacity(ReturnConsumedCapacity.TOTAL)
                .filterExpression(Expression.builder()
                        .expression("#date > :date AND (attribute_not_exists(Seats) OR Seats < :few)")
                        .putExpressionName("#date", "Date")
                        .putExpressionValue(":date", fromS("2026"))
                        .putExpressionValue(":few", fromN("100"))
                        .build())).iterator().next();
        check("filtered", cities(filtered.items().stream()), List.of("Brig", "Zug"));
        check("projected", filtered.items().get(0).getDate(), null);
        check("counts", List.of(filtered.count(), filtered.scannedCount()), List.of(2, 4));
        check("capacity of a query", filtered.consumedCapacity().capacityUnits(), 0.5);
        queriesOfIndex(table);

        table.deleteTable();
        waiter.waitUntilTableNotExists(request -> request.tableName(SHOWS));
    }

    /** The local index, by the enhanced client and by the plain one with its paginator. */
    private void queriesOfIndex(DynamoDbTable<Show> table) {
        var index = table.index("by-seats");
        var artist = QueryConditional.keyEqualTo(Key.builder().partitionValue("A").build());
        var found = index.query(artist).stream().flatMap(page -> page.items().stream());
        check("index", cities(found), List.of("Brig", "Bern", "Basel"));
        var large = QueryConditional.sortGreaterThan(Key.builder().partitionValue("A").sortValue(100).build());
        var range = index.query(query -> query.queryConditional(large).scanIndexForward(false).consistentRead(true))
                .stream().flatMap(page -> page.items().stream()).toList();
        check("range of an index", cities(range.stream()), List.of("Basel", "Bern"));
        check("date", range.get(1).getDate(), "2026-11-21");

        var pages = db.queryPaginator(query -> query
                .tableName(SHOWS)
                .indexName("by-seats")
                .limit(2)
                .keyConditionExpression("Artist = :a")
                .expressionAttributeValues(Map.of(":a", fromS("A"))));
        check("pages of an index", pages.stream().map(page -> page.count()).toList(), List.of(2, 1));
        var names = db.listTablesPaginator(list -> list.limit(1)).tableNames().stream().toList();
        check("names, one a page", names, List.of(SHOWS));
        var asked = KeysAndAttributes.builder()
                .keys(List.of(Map.of("Artist", fromS("A"), "City", fromS("Zug")))).build();
        var batches = db.batchGetItemPaginator(batch -> batch.requestItems(Map.of(SHOWS, asked))).stream();
        check("batch after batch", batches.map(batch -> batch.responses().get(SHOWS).size()).toList(), List.of(1));
        var wrong = refused("start elsewhere", DynamoDbException.class, () -> db.query(query -> query
                .tableName(SHOWS)
                .keyConditionExpression("Artist = :a")
                .expressionAttributeValues(Map.of(":a", fromS("A")))
                .exclusiveStartKey(Map.of("Artist", fromS("B"), "City", fromS("Bern")))));
        check("message", wrong.awsErrorDetails().errorMessage(),
                "The provided starting key is outside query boundaries based on provided conditions");
    }

    private static Key sorted(String city) {
        return Key.builder().partitionValue("A").sortValue(city).build();
    }

    private static List<String> cities(Stream<Show> shows) {
        return shows.map(Show::getCity).toList();
    }

    private static Map<String, AttributeValue> key(String artist, int year) {
        return Map.of("Artist", fromS(artist), "Year", fromN(Integer.toString(year)));
    }

    /** An item with each of the ten types of the database. */
    private static Map<String, AttributeValue> song() {
        var everyByte = new byte[256];
        for (int value = 0; value < 256; value++) {
            everyByte[value] = (byte) value;
        }
        var song = new HashMap<>(KEY);
        song.put("Title", fromS("Feeling Good ♪"));
        song.put("Exact", fromN("1.2345678901234567890123456789012345678"));
        song.put("Cover", fromB(SdkBytes.fromByteArray(everyByte)));
        song.put("Live", fromBool(false));
        song.put("Label", fromNul(true));
        song.put("Tags", fromSs(List.of("jazz", "soul")));
        song.put("Charts", fromNs(List.of("1", "40.5")));
        song.put("Prints", fromBs(List.of(
                SdkBytes.fromByteArray(new byte[] {0}), SdkBytes.fromByteArray(new byte[] {(byte) 255}))));
        song.put("Credits", fromL(List.of(
                fromM(Map.of("role", fromS("voice"), "takes", fromL(List.of(fromN("1"), fromN("2"))))),
                fromL(List.of()))));
        song.put("Stats", fromM(Map.of("plays", fromN("41"))));
        song.put("Empty", fromS(""));
        return song;
    }

    /** An item to compare: the SDK keeps sets as lists, and the order within a set means nothing. */
    private static Map<String, Object> plain(Map<String, AttributeValue> item) {
        var plain = new HashMap<String, Object>(item);
        plain.replaceAll((name, value) -> {
            var tagged = (AttributeValue) value;
            return switch (tagged.type()) {
                case SS -> tagged.ss().stream().collect(toSet());
                case NS -> tagged.ns().stream().collect(toSet());
                case BS -> tagged.bs().stream().collect(toSet());
                default -> tagged;
            };
        });
        return plain;
    }

    /** A record that is found by a local index, too, unless it has no seats. */
    @DynamoDbBean
    public static final class Show {
        private String artist;
        private String city;
        private String date;
        private Integer seats;

        static Show of(String city, Integer seats) {
            var show = new Show();
            show.setArtist("A");
            show.setCity(city);
            show.setDate("2026-11-21");
            show.setSeats(seats);
            return show;
        }

        @DynamoDbPartitionKey
        @DynamoDbAttribute("Artist")
        public String getArtist() {
            return artist;
        }

        public void setArtist(String artist) {
            this.artist = artist;
        }

        @DynamoDbSortKey
        @DynamoDbAttribute("City")
        public String getCity() {
            return city;
        }

        public void setCity(String city) {
            this.city = city;
        }

        @DynamoDbAttribute("Date")
        public String getDate() {
            return date;
        }

        public void setDate(String date) {
            this.date = date;
        }

        @DynamoDbSecondarySortKey(indexNames = "by-seats")
        @DynamoDbAttribute("Seats")
        public Integer getSeats() {
            return seats;
        }

        public void setSeats(Integer seats) {
            this.seats = seats;
        }
    }

    /** A record whose version and counter the enhanced client keeps. */
    @DynamoDbBean
    public static final class Album {
        private String artist;
        private Integer year;
        private List<String> tracks;
        private Integer version;
        private Long edits;

        static Album of(String artist, int year) {
            var album = new Album();
            album.setArtist(artist);
            album.setYear(year);
            return album;
        }

        Key key() {
            return Key.builder().partitionValue(artist).sortValue(year).build();
        }

        @DynamoDbPartitionKey
        public String getArtist() {
            return artist;
        }

        public void setArtist(String artist) {
            this.artist = artist;
        }

        @DynamoDbSortKey
        public Integer getYear() {
            return year;
        }

        public void setYear(Integer year) {
            this.year = year;
        }

        public List<String> getTracks() {
            return tracks;
        }

        public void setTracks(List<String> tracks) {
            this.tracks = tracks;
        }

        @DynamoDbVersionAttribute
        public Integer getVersion() {
            return version;
        }

        public void setVersion(Integer version) {
            this.version = version;
        }

        @DynamoDbAtomicCounter
        public Long getEdits() {
            return edits;
        }

        public void setEdits(Long edits) {
            this.edits = edits;
        }
    }
}
