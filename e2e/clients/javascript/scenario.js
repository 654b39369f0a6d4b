// What a JavaScript program does with the database, with an unmodified AWS SDK for JavaScript v3. The
// endpoint, the region and the credentials come from the environment, as in any program; nothing else
// is set.

import { deepStrictEqual } from "node:assert";
import { readFileSync } from "node:fs";
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  ResourceNotFoundException,
  paginateListTables,
  waitUntilTableExists,
  waitUntilTableNotExists,
} from "@aws-sdk/client-dynamodb";
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  NumberValue,
  PutCommand,
  QueryCommand,
  ScanCommand,
  UpdateCommand,
  paginateQuery,
  paginateScan,
} from "@aws-sdk/lib-dynamodb";

const TableName = "Music";
// The pauses of the waiters are shorter than the 20 seconds that they have by themselves.
const PATIENCE = { minDelay: 1, maxDelay: 1, maxWaitTime: 60 };

const client = new DynamoDBClient();
// The same with JavaScript's own types in place of tagged ones.
const documents = DynamoDBDocumentClient.from(client);
let checks = 0;

/** Counts a comparison and ends the program if it fails. */
function check(what, actual, expected) {
  checks += 1;
  try {
    deepStrictEqual(actual, expected);
  } catch (difference) {
    console.error(`${what}: ${difference.message}`);
    process.exit(1);
  }
}

/** What a promise was rejected with. */
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return undefined;
}

async function createTable() {
  const { TableDescription: created } = await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "Artist", AttributeType: "S" },
        { AttributeName: "Year", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "Artist", KeyType: "HASH" },
        { AttributeName: "Year", KeyType: "RANGE" },
      ],
    }),
  );
  check("status at once", created.TableStatus, "CREATING");
  await waitUntilTableExists({ client, ...PATIENCE }, { TableName });
  const { Table: described } = await client.send(new DescribeTableCommand({ TableName }));
  check("status after the waiter", described.TableStatus, "ACTIVE");
  check("id", described.TableId, created.TableId);
  check("creation", described.CreationDateTime, created.CreationDateTime);
  check("key", described.KeySchema, created.KeySchema);
  check("names", (await client.send(new ListTablesCommand())).TableNames, [TableName]);
}

/** Writes, reads, updates and deletes items through the document client. */
async function items() {
  const Key = { Artist: "Nina Simone", Year: 1965 };
  const song = {
    ...Key,
    Title: "Feeling Good ♪",
    Exact: 12345678901234567890123456789012345678n,
    Cover: Uint8Array.from({ length: 256 }, (_, byte) => byte),
    Live: false,
    Label: null,
    Tags: new Set(["jazz", "soul"]),
    Charts: new Set([1, 40.5]),
    Prints: new Set([Uint8Array.of(0), Uint8Array.of(255)]),
    Credits: [{ role: "voice", takes: [1, 2] }, []],
    Stats: { plays: 41 },
    Empty: "",
  };
  const put = await documents.send(
    new PutCommand({ TableName, Item: song, ReturnConsumedCapacity: "TOTAL" }),
  );
  check("capacity of a write", put.ConsumedCapacity, { TableName, CapacityUnits: 1 });
  const got = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  check("item", got.Item, song);

  const { Attributes: updated } = await documents.send(
    new UpdateCommand({
      TableName,
      Key,
      UpdateExpression:
        "SET Title = :title, #stats.plays = #stats.plays + :one, Exact = :exact ADD Sold :sold REMOVE Label",
      ExpressionAttributeNames: { "#stats": "Stats" },
      ExpressionAttributeValues: {
        ":title": "Sinnerman",
        ":one": 1,
        ":sold": 3,
        ":exact": NumberValue.from("1.2345678901234567890123456789012345678"),
      },
      ReturnValues: "ALL_NEW",
    }),
  );
  const { Label, Exact, ...rest } = song;
  // A number without its wrapper is read as JavaScript reads it, to 16 digits.
  const newer = { ...rest, Exact: 1.234567890123457, Title: "Sinnerman", Stats: { plays: 42 }, Sold: 3 };
  check("updated item", { ...updated, Exact: Number(updated.Exact.toPrecision(16)) }, newer);

  const tagged = await conditions();
  check("all digits", tagged.Exact, { N: "1.2345678901234567890123456789012345678" });
  const part = await documents.send(
    new GetCommand({ TableName, Key, ProjectionExpression: "Title, Credits[0].takes[1], Stats.plays" }),
  );
  const projected = { Title: "Sinnerman", Credits: [{ takes: [2] }], Stats: { plays: 42 } };
  check("projected item", part.Item, projected);

  const old = await documents.send(new DeleteCommand({ TableName, Key, ReturnValues: "ALL_OLD" }));
  check("deleted item", old.Attributes, updated);
  const missing = await documents.send(new GetCommand({ TableName, Key, ConsistentRead: true }));
  check("missing item", missing.Item, undefined);

  // Large enough for a server to compress its answer, and then the checksum is one of the compressed bytes.
  const large = { Artist: "Nina Simone", Year: 1966, Lyrics: "la ".repeat(100_000) };
  await documents.send(new PutCommand({ TableName, Item: large }));
  const key = { Artist: large.Artist, Year: large.Year };
  check("large item", (await documents.send(new GetCommand({ TableName, Key: key }))).Item, large);
  await documents.send(new DeleteCommand({ TableName, Key: key }));
}

/** Conditions fail with an error of their own type; returns the stored item, with its types. */
async function conditions() {
  const Key = { Artist: { S: "Nina Simone" }, Year: { N: "1965" } };
  const { Item: stored } = await client.send(new GetItemCommand({ TableName, Key }));
  const absent = await refusal(
    client.send(
      new PutItemCommand({
        TableName,
        Item: Key,
        ConditionExpression: "attribute_not_exists(Artist)",
        ReturnValuesOnConditionCheckFailure: "ALL_OLD",
      }),
    ),
  );
  check("type of a failed condition", absent instanceof ConditionalCheckFailedException, true);
  check("message of a failed condition", absent.message, "The conditional request failed");
  check("item of a failed condition", absent.Item, stored);
  const played = await refusal(
    client.send(
      new DeleteItemCommand({
        TableName,
        Key,
        ConditionExpression: "Stats.plays BETWEEN :low AND :high AND contains(Tags, :tag)",
        ExpressionAttributeValues: { ":low": { N: "50" }, ":high": { N: "100" }, ":tag": { S: "jazz" } },
      }),
    ),
  );
  check("type of a failed condition", played instanceof ConditionalCheckFailedException, true);
  check("item that nobody asked for", played.Item, undefined);
  return stored;
}

/** Writes, reads, scans and deletes 25 items. */
async function batches() {
  const songs = Array.from({ length: 25 }, (_, year) => ({ Artist: `Artist ${year % 7}`, Year: year }));
  const puts = songs.map((song) => ({ PutRequest: { Item: song } }));
  const written = await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: puts } }));
  check("unprocessed", written.UnprocessedItems, {});
  const read = await documents.send(
    new BatchGetCommand({ RequestItems: { [TableName]: { Keys: songs, ConsistentRead: true } } }),
  );
  check("batch", read.Responses[TableName].sort((one, other) => one.Year - other.Year), songs);
  check("unprocessed", read.UnprocessedKeys, {});

  const pages = [];
  for await (const page of paginateScan({ client: documents, pageSize: 10 }, { TableName })) {
    pages.push(page.Items.length);
  }
  check("first pages", pages.slice(0, 2), [10, 10]);
  check("scanned", pages.reduce((sum, length) => sum + length), 25);

  const deletes = songs.map((Key) => ({ DeleteRequest: { Key } }));
  await documents.send(new BatchWriteCommand({ RequestItems: { [TableName]: deletes } }));
  const left = await documents.send(new ScanCommand({ TableName, Select: "COUNT", ConsistentRead: true }));
  check("scan after", left.Count, 0);
}

/** Queries a table and its local index, in both directions, page by page. */
async function queries() {
  const Shows = { TableName: "Shows" };
  await client.send(
    new CreateTableCommand({
      ...Shows,
      BillingMode: "PAY_PER_REQUEST",
      AttributeDefinitions: [
        { AttributeName: "Artist", AttributeType: "S" },
        { AttributeName: "City", AttributeType: "S" },
        { AttributeName: "Seats", AttributeType: "N" },
      ],
      KeySchema: [
        { AttributeName: "Artist", KeyType: "HASH" },
        { AttributeName: "City", KeyType: "RANGE" },
      ],
      LocalSecondaryIndexes: [
        {
          IndexName: "by-seats",
          KeySchema: [
            { AttributeName: "Artist", KeyType: "HASH" },
            { AttributeName: "Seats", KeyType: "RANGE" },
          ],
          Projection: { ProjectionType: "KEYS_ONLY" },
        },
      ],
    }),
  );
  await waitUntilTableExists({ client, ...PATIENCE }, Shows);
  const names = [];
  for await (const page of paginateListTables({ client, pageSize: 1 }, {})) {
    names.push(...page.TableNames);
  }
  check("names, one a page", names, [TableName, "Shows"]);
  const seats = { Bern: 900, Basel: 1500, Brig: 40, Zug: undefined };
  for (const [City, Seats] of Object.entries(seats)) {
    const show = { Artist: "A", City, Date: "2026-11-21", ...(Seats && { Seats }) };
    await documents.send(new PutCommand({ ...Shows, Item: show }));
  }

  const artist = { ...Shows, KeyConditionExpression: "Artist = :a" };
  const ofArtist = { ...artist, ExpressionAttributeValues: { ":a": "A" } };
  const query = (more) => documents.send(new QueryCommand({ ...ofArtist, ...more }));
  const cities = async (more) => (await query(more)).Items.map((show) => show.City);
  check("query", await cities(), ["Basel", "Bern", "Brig", "Zug"]);
  const beginning = {
    KeyConditionExpression: "Artist = :a AND begins_with(City, :b)",
    ExpressionAttributeValues: { ":a": "A", ":b": "B" },
  };
  check("beginning", await cities(beginning), ["Basel", "Bern", "Brig"]);
  const backwards = await query({ ScanIndexForward: false, Limit: 2 });
  check("backwards", backwards.Items.map((show) => show.City), ["Zug", "Brig"]);
  const ExclusiveStartKey = backwards.LastEvaluatedKey;
  check("cursor", ExclusiveStartKey, { Artist: "A", City: "Brig" });
  check("and on", await cities({ ScanIndexForward: false, ExclusiveStartKey }), ["Bern", "Basel"]);

  const filtered = await query({
    FilterExpression: "#date > :date AND (attribute_not_exists(Seats) OR Seats < :few)",
    ExpressionAttributeNames: { "#date": "Date" },
    ExpressionAttributeValues: { ":a": "A", ":date": "2026", ":few": 100 },
    ProjectionExpression: "City",
    ReturnConsumedCapacity: "TOTAL",
  });
  check("filtered", filtered.Items, [{ City: "Brig" }, { City: "Zug" }]);
  check("counts", [filtered.Count, filtered.ScannedCount], [2, 4]);
  check("capacity of a query", filtered.ConsumedCapacity.CapacityUnits, 0.5);

  const IndexName = "by-seats";
  check("index", await cities({ IndexName }), ["Brig", "Bern", "Basel"]);
  check("index backwards", await cities({ IndexName, ScanIndexForward: false }), ["Basel", "Bern", "Brig"]);
  const large = {
    IndexName,
    KeyConditionExpression: "Artist = :a AND Seats BETWEEN :low AND :high",
    ExpressionAttributeValues: { ":a": "A", ":low": 100, ":high": 2000 },
    ConsistentRead: true,
  };
  check("range of an index", await cities(large), ["Bern", "Basel"]);
  const [bern] = (await query({ ...large, Select: "ALL_ATTRIBUTES" })).Items;
  check("fetched", bern, { Artist: "A", City: "Bern", Date: "2026-11-21", Seats: 900 });
  const pages = [];
  for await (const page of paginateQuery({ client: documents, pageSize: 2 }, { ...ofArtist, IndexName })) {
    pages.push(page.Items.map((show) => show.City));
  }
  check("pages of an index", pages, [["Brig", "Bern"], ["Basel"]]);
  const wrong = await refusal(query({ ExclusiveStartKey: { Artist: "B", City: "Bern" } }));
  const outside = "The provided starting key is outside query boundaries based on provided conditions";
  check("start elsewhere", wrong.message, outside);

  await client.send(new DeleteTableCommand(Shows));
  await waitUntilTableNotExists({ client, ...PATIENCE }, Shows);
}

/** The errors that programs branch on. */
async function refusals() {
  const Key = { Artist: "Nobody", Year: 1 };
  const missing = await refusal(documents.send(new GetCommand({ TableName: "Missing", Key })));
  check("type for a missing table", missing instanceof ResourceNotFoundException, true);
  check("message for a missing table", missing.message, "Requested resource not found");
  const invalid = await refusal(documents.send(new PutCommand({ TableName, Item: { Artist: "Nobody" } })));
  // The SDK has no type for this one; programs ask for its name.
  check("error without a type", invalid instanceof DynamoDBServiceException, true);
  check("name", invalid.name, "ValidationException");
  const message = "One or more parameter values were invalid: Missing the key Year in the item";
  check("message", invalid.message, message);
}

async function deleteTable() {
  const { TableDescription: deleted } = await client.send(new DeleteTableCommand({ TableName }));
  check("status at once", deleted.TableStatus, "DELETING");
  await waitUntilTableNotExists({ client, ...PATIENCE }, { TableName });
  check("names", (await client.send(new ListTablesCommand())).TableNames, []);
}

await createTable();
await items();
await batches();
await queries();
await refusals();
await deleteTable();
const manifest = JSON.parse(readFileSync(new URL("package.json", import.meta.url)));
const version = manifest.dependencies["@aws-sdk/client-dynamodb"];
console.log(`aws-sdk-js ${version}: ${checks} checks passed`);
