// Print the columns of a Parquet file as JSON: node hyparquet.mjs FOLDER_OF_NODE_MODULES FILE COLUMN...
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file, ...columns] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(createRequire(`${folder}/`).resolve(name)));
const { parquetReadObjects } = await load("hyparquet");
const { compressors } = await load("hyparquet-compressors");

const bytes = readFileSync(file);
const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const rows = await parquetReadObjects({ file: buffer, columns, compressors });
const plain = (value) => (value instanceof Date ? value.getTime() : typeof value === "bigint" ? Number(value) : value ?? null);
console.log(JSON.stringify(Object.fromEntries(columns.map((name) => [name, rows.map((row) => plain(row[name]))]))));
