// Sends a file by tus-js-client: node send.cjs '{"endpoint":…,"file":…,…}'.
// Prints the upload's address, then one line for each failure that it tried again after.
const fs = require('fs')
const tus = require('tus-js-client')

const told = JSON.parse(process.argv[2])
const size = fs.statSync(told.file).size
const upload = new tus.Upload(fs.createReadStream(told.file), {
  endpoint: told.endpoint,
  uploadUrl: told.uploadUrl ?? null,
  headers: told.headers ?? {},
  metadata: told.metadata ?? {},
  chunkSize: told.chunkSize ?? Infinity,
  overridePatchMethod: told.overridePatchMethod ?? false,
  retryDelays: [20, 50, 100, 200, 400, 800, 1600],
  uploadSize: size,
  onShouldRetry: (error, attempt, options) => {
    const status = error.originalResponse ? error.originalResponse.getStatus() : 0
    console.log(`again after ${status}`)
    return status < 400 || status >= 500 || status === 409 || status === 423
  },
  onError: (error) => {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess: async () => {
    if (told.terminate) await upload.abort(true)
    console.log(upload.url)
  },
})
upload.start()
