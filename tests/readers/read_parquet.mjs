// Every column of Parquet files through hyparquet, in the forms of extremes.py: one line of JSON for each file,
// {"path": ..., "columns": {name: [value...]}} or {"path": ..., "error": ...}.
//
//   node read_parquet.mjs MODULES FILE...          MODULES: the node_modules folder that holds hyparquet

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, ...files] = process.argv.slice(2)
const load = name => import(pathToFileURL(createRequire(`${modules}/`).resolve(`${modules}/${name}`)).href)
const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await load('hyparquet/src/node.js')
const { asyncBufferFromFile } = await load('hyparquet/src/node.js')
const { compressors } = await load('hyparquet-compressors/src/index.js')

// Dates and times as the numbers they are stored as, JSON as its text.
const decoder = new TextDecoder()
const parsers = {
  dateFromDays: days => days,
  timestampFromMilliseconds: number => number,
  timestampFromMicroseconds: number => number,
  timestampFromNanoseconds: number => number,
  jsonFromBytes: bytes => bytes && decoder.decode(bytes),
}

function float(value, bytes) {
  if (Number.isNaN(value)) return 'nan'
  const view = new DataView(new ArrayBuffer(bytes))
  if (bytes === 4) view.setFloat32(0, value)
  else view.setFloat64(0, value)
  return Buffer.from(view.buffer).toString('hex')
}

function primitive(value, element) {
  const logical = element.logical_type?.type
  if (logical === 'DECIMAL' || element.converted_type === 'DECIMAL') return float(value, 8)
  if (element.type === 'FLOAT') return float(value, 4)
  if (element.type === 'DOUBLE') return float(value, 8)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value
}

function canonical(value, node) {
  const { element, children } = node
  if (value === null || value === undefined) return null
  if (children.length === 0) return primitive(value, element)
  if (element.converted_type === 'LIST') return value.map(item => canonical(item, children[0].children[0]))
  if (element.converted_type === 'MAP') {
    const [key, item] = children[0].children
    return Object.entries(value).map(([k, v]) => [canonical(k, key), canonical(v, item)])
  }
  return Object.fromEntries(children.map(child => [child.element.name, canonical(value[child.element.name], child)]))
}

async function read(path) {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const rows = await parquetReadObjects({ file, metadata, compressors, parsers, utf8: false })
  const columns = {}
  for (const node of parquetSchema(metadata).children)
    columns[node.element.name] = rows.map(row => canonical(row[node.element.name], node))
  return columns
}

for (const path of files) {
  let answer
  try {
    answer = { path, columns: await read(path) }
  } catch (error) {
    answer = { path, error: String(error) }
  }
  process.stdout.write(JSON.stringify(answer) + '\n')
}
