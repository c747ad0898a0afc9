package mps
import ("testing";"os";"path/filepath";"time";"context";"comity/adapter/highs";"comity/allocator/basis";"comity/allocator/linear")
func TestZZ(t *testing.T){
 fs,_:=filepath.Glob("/work/shared/data/lp/*.mps")
 e,_:=highs.New(highs.Config{Cache:"/tmp/t4/cache"})
 e.Warm(context.Background())
 for _,f:=range fs { in,_:=os.Open(f); p,err:=Read(f,in); in.Close(); if err!=nil{t.Error(err);continue}
  s:=time.Now(); c,err:=basis.Solve(context.Background(),p,e); d:=time.Since(s)
  if err!=nil {t.Errorf("%s %v %.300v",filepath.Base(f),d,err);continue}
  s=time.Now(); err=linear.Check(p,c)
  if c.Objective!=nil {o,_:=c.Objective.Big().Float64();g,_:=c.Gap.Big().Float64();
  t.Logf("%s %s %.12g %g %v %v %v",filepath.Base(f),c.Status,o,g,d,time.Since(s),err)} else {t.Log(filepath.Base(f),c.Status,d,err)}
 }}
