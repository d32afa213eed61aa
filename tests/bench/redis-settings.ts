/** What `npm start` and `docker-compose.yml` set that takes memory and time; durability would measure the disk. */
export const redisSettings = ["--hash-max-listpack-value", "1024"]
