-- ARGV: most to hand over.
return dispatch(tonumber(ARGV[1]))
