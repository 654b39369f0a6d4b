// What a Go program does with the database, with an unmodified AWS SDK for Go v2. The endpoint, the
// region and the credentials come from the environment, as in any program; nothing else is set.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// How long a waiter waits for a table. Its pauses are shorter than the 20 seconds it has by itself.
const patience = time.Minute

var (
	ctx    = context.Background()
	music  = aws.String("Music")
	checks = 0
)

// Song has a field for each of the ten types of the database.
type Song struct {
	Artist  string
	Year    int
	Title   string
	Exact   attributevalue.Number
	Cover   []byte
	Live    bool
	Label   *string
	Tags    []string  `dynamodbav:",stringset"`
	Charts  []float64 `dynamodbav:",numberset"`
	Prints  [][]byte  `dynamodbav:",binaryset"`
	Credits []Credit
	Stats   map[string]int
	Empty   string
}

// Credit is a map inside a list.
type Credit struct {
	Role  string
	Takes []int
}

// Key is the primary key of a Song.
type Key struct {
	Artist string
	Year   int
}

// fail ends the program.
func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// check counts a comparison and ends the program if it fails.
func check(what string, actual, expected any) {
	checks++
	if !reflect.DeepEqual(actual, expected) {
		fail("%s:\n  expected %#v\n  answered %#v", what, expected, actual)
	}
}

// must returns what a call answered, and ends the program if it was refused.
func must[T any](answer T, err error) T {
	if err != nil {
		fail("unexpected: %v", err)
	}
	return answer
}

func marshal(value any) map[string]types.AttributeValue {
	return must(attributevalue.MarshalMap(value))
}

// song reads a stored item; the order within a set means nothing.
func song(item map[string]types.AttributeValue) Song {
	var song Song
	if err := attributevalue.UnmarshalMap(item, &song); err != nil {
		fail("an item that is no song: %v", err)
	}
	sort.Strings(song.Tags)
	sort.Float64s(song.Charts)
	sort.Slice(song.Prints, func(i, j int) bool { return bytes.Compare(song.Prints[i], song.Prints[j]) < 0 })
	return song
}

func createTable(db *dynamodb.Client) {
	created := must(db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   music,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("Artist"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("Year"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String("Artist"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String("Year"), KeyType: types.KeyTypeRange},
		},
	})).TableDescription
	check("status at once", created.TableStatus, types.TableStatusCreating)

	waiter := dynamodb.NewTableExistsWaiter(db, func(options *dynamodb.TableExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 100*time.Millisecond, time.Second
	})
	described := must(waiter.WaitForOutput(ctx, &dynamodb.DescribeTableInput{TableName: music}, patience)).Table
	check("status after the waiter", described.TableStatus, types.TableStatusActive)
	check("id", described.TableId, created.TableId)
	check("creation", described.CreationDateTime, created.CreationDateTime)
	check("key", described.KeySchema, created.KeySchema)
	check("names", must(db.ListTables(ctx, &dynamodb.ListTablesInput{})).TableNames, []string{"Music"})
}

// items writes, reads, updates and deletes one.
func items(db *dynamodb.Client) {
	stored := Song{
		Artist: "Nina Simone", Year: 1965, Title: "Feeling Good ♪",
		Exact:   "1.2345678901234567890123456789012345678",
		Cover:   everyByte(),
		Tags:    []string{"jazz", "soul"},
		Charts:  []float64{1, 40.5},
		Prints:  [][]byte{{0}, {255}},
		Credits: []Credit{{Role: "voice", Takes: []int{1, 2}}, {Role: "piano", Takes: []int{}}},
		Stats:   map[string]int{"plays": 41},
	}
	put := must(db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: music, Item: marshal(stored), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	}))
	check("capacity of a write", *put.ConsumedCapacity.CapacityUnits, 1.0)
	key := marshal(Key{"Nina Simone", 1965})
	got := must(db.GetItem(ctx, &dynamodb.GetItemInput{TableName: music, Key: key, ConsistentRead: aws.Bool(true)}))
	check("item", song(got.Item), stored)

	stored = update(db, stored)
	conditions(db, stored)
	projection(db, key)

	old := must(db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: music, Key: key, ReturnValues: types.ReturnValueAllOld,
	}))
	check("deleted item", song(old.Attributes), stored)
	missing := must(db.GetItem(ctx, &dynamodb.GetItemInput{TableName: music, Key: key, ConsistentRead: aws.Bool(true)}))
	check("missing item", len(missing.Item), 0)

	// Large enough for a server to compress its answer, and then the checksum is one of the compressed bytes.
	large := marshal(map[string]any{"Artist": "Nina Simone", "Year": 1966, "Lyrics": strings.Repeat("la ", 100_000)})
	must(db.PutItem(ctx, &dynamodb.PutItemInput{TableName: music, Item: large}))
	key = marshal(Key{"Nina Simone", 1966})
	check("large item", must(db.GetItem(ctx, &dynamodb.GetItemInput{TableName: music, Key: key})).Item, large)
	must(db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: music, Key: key}))
}

func everyByte() []byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return all
}

// update changes the stored song and returns what it is then.
func update(db *dynamodb.Client, stored Song) Song {
	plays := expression.Name("Stats.plays")
	changes := expression.
		Set(expression.Name("Title"), expression.Value("Sinnerman")).
		Set(plays, plays.Plus(expression.Value(1))).
		Add(expression.Name("Sold"), expression.Value(3)).
		Remove(expression.Name("Credits[1]"))
	built := must(expression.NewBuilder().WithUpdate(changes).Build())
	updated := must(db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 music,
		Key:                       marshal(Key{stored.Artist, stored.Year}),
		UpdateExpression:          built.Update(),
		ExpressionAttributeNames:  built.Names(),
		ExpressionAttributeValues: built.Values(),
		ReturnValues:              types.ReturnValueAllNew,
	}))
	stored.Title = "Sinnerman"
	stored.Stats = map[string]int{"plays": 42}
	stored.Credits = stored.Credits[:1]
	check("updated item", song(updated.Attributes), stored)
	check("added number", updated.Attributes["Sold"], types.AttributeValue(&types.AttributeValueMemberN{Value: "3"}))
	return stored
}

// conditions fail with an error of their own type, which brings the item if it was asked for.
func conditions(db *dynamodb.Client, stored Song) {
	absent := must(expression.NewBuilder().
		WithCondition(expression.AttributeNotExists(expression.Name("Artist"))).Build())
	_, err := db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           music,
		Item:                                marshal(Key{stored.Artist, stored.Year}),
		ConditionExpression:                 absent.Condition(),
		ExpressionAttributeNames:            absent.Names(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	var failed *types.ConditionalCheckFailedException
	check("type of a failed condition", errors.As(err, &failed), true)
	check("message of a failed condition", failed.ErrorMessage(), "The conditional request failed")
	check("item of a failed condition", song(failed.Item), stored)

	played := must(expression.NewBuilder().WithCondition(expression.And(
		expression.Name("Stats.plays").Between(expression.Value(50), expression.Value(100)),
		expression.Contains(expression.Name("Tags"), "jazz"),
	)).Build())
	_, err = db.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                 music,
		Key:                       marshal(Key{stored.Artist, stored.Year}),
		ConditionExpression:       played.Condition(),
		ExpressionAttributeNames:  played.Names(),
		ExpressionAttributeValues: played.Values(),
	})
	check("type of a failed condition", errors.As(err, &failed), true)
	check("item that nobody asked for", len(failed.Item), 0)
}

func projection(db *dynamodb.Client, key map[string]types.AttributeValue) {
	paths := must(expression.NewBuilder().WithProjection(expression.NamesList(
		expression.Name("Title"), expression.Name("Credits[0].Takes[1]"), expression.Name("Stats.plays"),
	)).Build())
	got := must(db.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: music, Key: key,
		ProjectionExpression: paths.Projection(), ExpressionAttributeNames: paths.Names(),
	}))
	check("projected item", got.Item, marshal(map[string]any{
		"Title":   "Sinnerman",
		"Credits": []map[string][]int{{"Takes": {2}}},
		"Stats":   map[string]int{"plays": 42},
	}))
}

// batches writes, reads, scans and deletes 25 items.
func batches(db *dynamodb.Client) {
	var puts, deletes []types.WriteRequest
	var keys []map[string]types.AttributeValue
	for year := 0; year < 25; year++ {
		key := marshal(Key{fmt.Sprintf("Artist %d", year%7), year})
		keys = append(keys, key)
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: key}})
		deletes = append(deletes, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: key}})
	}
	written := must(db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{"Music": puts},
	}))
	check("unprocessed", len(written.UnprocessedItems), 0)

	read := must(db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
		RequestItems: map[string]types.KeysAndAttributes{"Music": {Keys: keys, ConsistentRead: aws.Bool(true)}},
	}))
	found := read.Responses["Music"]
	sort.Slice(found, func(i, j int) bool { return song(found[i]).Year < song(found[j]).Year })
	check("batch", found, keys)
	check("unprocessed", len(read.UnprocessedKeys), 0)

	sizes, scanned := []int{}, 0
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: music, Limit: aws.Int32(10)})
	for pages.HasMorePages() {
		page := must(pages.NextPage(ctx))
		sizes, scanned = append(sizes, len(page.Items)), scanned+len(page.Items)
	}
	check("first pages", sizes[:2], []int{10, 10})
	check("scanned", scanned, 25)

	must(db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{
		RequestItems: map[string][]types.WriteRequest{"Music": deletes},
	}))
	left := must(db.Scan(ctx, &dynamodb.ScanInput{
		TableName: music, Select: types.SelectCount, ConsistentRead: aws.Bool(true),
	}))
	check("scan after", left.Count, int32(0))
}

// Show is an item of a table with a local index; one without seats is not in the index.
type Show struct {
	Artist string
	City   string
	Date   string
	Seats  *int `dynamodbav:",omitempty"`
}

// createShows creates a table with a local index, and four items of one partition key.
func createShows(db *dynamodb.Client, shows *string) {
	keys := func(sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String("Artist"), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sort), KeyType: types.KeyTypeRange},
		}
	}
	must(db.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   shows,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String("Artist"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("City"), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String("Seats"), AttributeType: types.ScalarAttributeTypeN},
		},
		KeySchema: keys("City"),
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName:  aws.String("by-seats"),
			KeySchema:  keys("Seats"),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
	}))
	waiter := dynamodb.NewTableExistsWaiter(db, func(options *dynamodb.TableExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: shows}, patience); err != nil {
		fail("the table does not appear: %v", err)
	}
	names := []string{}
	pages := dynamodb.NewListTablesPaginator(db, &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	for pages.HasMorePages() {
		names = append(names, must(pages.NextPage(ctx)).TableNames...)
	}
	check("names, one a page", names, []string{"Music", "Shows"})
	seats := map[string]*int{"Bern": aws.Int(900), "Basel": aws.Int(1500), "Brig": aws.Int(40), "Zug": nil}
	for city, count := range seats {
		show := marshal(Show{"A", city, "2026-11-21", count})
		must(db.PutItem(ctx, &dynamodb.PutItemInput{TableName: shows, Item: show}))
	}
}

// cities are those of the shows that a query found, in its order.
func cities(items []map[string]types.AttributeValue) []string {
	found := []string{}
	for _, item := range items {
		var show Show
		if err := attributevalue.UnmarshalMap(item, &show); err != nil {
			fail("an item that is no show: %v", err)
		}
		found = append(found, show.City)
	}
	return found
}

// queries are of a table and its local index, in both directions, page by page.
func queries(db *dynamodb.Client) {
	shows := aws.String("Shows")
	createShows(db, shows)
	artist := expression.Key("Artist").Equal(expression.Value("A"))
	// ask builds the expressions into a query.
	ask := func(builder expression.Builder, query dynamodb.QueryInput) *dynamodb.QueryInput {
		built := must(builder.Build())
		query.TableName = shows
		query.KeyConditionExpression, query.FilterExpression = built.KeyCondition(), built.Filter()
		query.ProjectionExpression = built.Projection()
		query.ExpressionAttributeNames, query.ExpressionAttributeValues = built.Names(), built.Values()
		return &query
	}
	query := func(condition expression.KeyConditionBuilder, query dynamodb.QueryInput) *dynamodb.QueryOutput {
		return must(db.Query(ctx, ask(expression.NewBuilder().WithKeyCondition(condition), query)))
	}
	check("query", cities(query(artist, dynamodb.QueryInput{}).Items), []string{"Basel", "Bern", "Brig", "Zug"})
	beginning := artist.And(expression.Key("City").BeginsWith("B"))
	check("beginning", cities(query(beginning, dynamodb.QueryInput{}).Items), []string{"Basel", "Bern", "Brig"})
	backwards := query(artist, dynamodb.QueryInput{ScanIndexForward: aws.Bool(false), Limit: aws.Int32(2)})
	check("backwards", cities(backwards.Items), []string{"Zug", "Brig"})
	check("cursor", backwards.LastEvaluatedKey, marshal(map[string]string{"Artist": "A", "City": "Brig"}))
	rest := query(artist, dynamodb.QueryInput{
		ScanIndexForward: aws.Bool(false), ExclusiveStartKey: backwards.LastEvaluatedKey,
	})
	check("and on", cities(rest.Items), []string{"Bern", "Basel"})

	filter := expression.Name("Date").GreaterThan(expression.Value("2026")).And(expression.Or(
		expression.AttributeNotExists(expression.Name("Seats")),
		expression.Name("Seats").LessThan(expression.Value(100)),
	))
	filtered := must(db.Query(ctx, ask(expression.NewBuilder().
		WithKeyCondition(artist).WithFilter(filter).WithProjection(expression.NamesList(expression.Name("City"))),
		dynamodb.QueryInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})))
	check("filtered", filtered.Items, []map[string]types.AttributeValue{
		marshal(map[string]string{"City": "Brig"}), marshal(map[string]string{"City": "Zug"}),
	})
	check("counts", []int32{filtered.Count, filtered.ScannedCount}, []int32{2, 4})
	check("capacity of a query", *filtered.ConsumedCapacity.CapacityUnits, 0.5)
	index(db, ask, artist)

	_, err := db.Query(ctx, ask(expression.NewBuilder().WithKeyCondition(artist), dynamodb.QueryInput{
		ExclusiveStartKey: marshal(map[string]string{"Artist": "B", "City": "Bern"}),
	}))
	var outside smithy.APIError
	check("error without a type", errors.As(err, &outside), true)
	check("start elsewhere", outside.ErrorMessage(),
		"The provided starting key is outside query boundaries based on provided conditions")
	must(db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: shows}))
	waiter := dynamodb.NewTableNotExistsWaiter(db, func(options *dynamodb.TableNotExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: shows}, patience); err != nil {
		fail("the table does not disappear: %v", err)
	}
}

// index queries the local index of the shows.
func index(
	db *dynamodb.Client,
	ask func(expression.Builder, dynamodb.QueryInput) *dynamodb.QueryInput,
	artist expression.KeyConditionBuilder,
) {
	bySeats := dynamodb.QueryInput{IndexName: aws.String("by-seats")}
	ofArtist := expression.NewBuilder().WithKeyCondition(artist)
	found := must(db.Query(ctx, ask(ofArtist, bySeats)))
	check("index", cities(found.Items), []string{"Brig", "Bern", "Basel"})
	backwards := bySeats
	backwards.ScanIndexForward = aws.Bool(false)
	found = must(db.Query(ctx, ask(ofArtist, backwards)))
	check("index backwards", cities(found.Items), []string{"Basel", "Bern", "Brig"})

	many := expression.Key("Seats").Between(expression.Value(100), expression.Value(2000))
	whole := bySeats
	whole.ConsistentRead, whole.Select = aws.Bool(true), types.SelectAllAttributes
	found = must(db.Query(ctx, ask(expression.NewBuilder().WithKeyCondition(artist.And(many)), whole)))
	check("range of an index", cities(found.Items), []string{"Bern", "Basel"})
	check("fetched", found.Items[0], marshal(Show{"A", "Bern", "2026-11-21", aws.Int(900)}))

	sizes := []int{}
	paged := bySeats
	paged.Limit = aws.Int32(2)
	pages := dynamodb.NewQueryPaginator(db, ask(ofArtist, paged))
	for pages.HasMorePages() {
		sizes = append(sizes, len(must(pages.NextPage(ctx)).Items))
	}
	check("pages of an index", sizes, []int{2, 1})
}

// refusals are errors that programs branch on.
func refusals(db *dynamodb.Client) {
	_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("Missing"), Key: marshal(Key{"Nobody", 1})})
	var missing *types.ResourceNotFoundException
	check("type for a missing table", errors.As(err, &missing), true)
	check("message for a missing table", missing.ErrorMessage(), "Requested resource not found")

	_, err = db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: music, Item: marshal(map[string]string{"Artist": "Nobody"}),
	})
	// The SDK has no type for this one; programs ask for its code.
	var invalid smithy.APIError
	check("error without a type", errors.As(err, &invalid), true)
	check("code", invalid.ErrorCode(), "ValidationException")
	check("message", invalid.ErrorMessage(), "One or more parameter values were invalid: Missing the key Year in the item")
}

func deleteTable(db *dynamodb.Client) {
	deleted := must(db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: music})).TableDescription
	check("status at once", deleted.TableStatus, types.TableStatusDeleting)
	waiter := dynamodb.NewTableNotExistsWaiter(db, func(options *dynamodb.TableNotExistsWaiterOptions) {
		options.MinDelay, options.MaxDelay = 100*time.Millisecond, time.Second
	})
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: music}, patience); err != nil {
		fail("the table does not disappear: %v", err)
	}
	check("names", must(db.ListTables(ctx, &dynamodb.ListTablesInput{})).TableNames, []string{})
}

func main() {
	db := dynamodb.NewFromConfig(must(config.LoadDefaultConfig(ctx)))
	createTable(db)
	items(db)
	batches(db)
	queries(db)
	refusals(db)
	deleteTable(db)
	fmt.Printf("aws-sdk-go-v2 %s: %d checks passed\n", aws.SDKVersion, checks)
}
