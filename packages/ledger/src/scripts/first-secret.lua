-- ARGV: tenant, a new secret. What jobs bring along is signed with the tenant's own secret, made when it is first needed.
redis.call('HSETNX', P .. 'hook-secret:' .. ARGV[1], 'secret', ARGV[2])
return 'kept'
